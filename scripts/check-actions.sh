#!/usr/bin/env bash
# check-actions.sh: every action of another repository that a workflow uses is pinned by the digest of a commit, with its
# version beside it, and an action has one digest everywhere. A tag can be moved to other code; a digest cannot.
set -euo pipefail
cd "$(dirname "$0")/.."

uses=$(grep --line-number -E '^ *-? *uses:' .github/workflows/*.yml | grep -vE 'uses: +\./' || true)
[ -n "$uses" ] || { echo "$0: no workflow uses any action" >&2; exit 1; }
if loose=$(grep -vE 'uses: [A-Za-z0-9_./-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+$' <<<"$uses"); then
  printf '%s\n' "$0: these are not pinned as owner/name@DIGEST # vMAJOR.MINOR.PATCH:" "$loose" >&2
  exit 1
fi
pins=$(sed -E 's/.*uses: //' <<<"$uses" | sort -u)
if twice=$(cut -d@ -f1 <<<"$pins" | uniq -d | grep .); then
  printf '%s\n' "$0: these are pinned to more than one digest:" "$twice" >&2
  exit 1
fi
echo "$(wc -l <<<"$pins") actions, each pinned by one digest:"
printf '%s\n' "$pins"
