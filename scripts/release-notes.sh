#!/usr/bin/env bash
# release-notes.sh VERSION [FILE]: prints what CHANGELOG.md, or FILE, says of a version, without its heading.
set -euo pipefail
version=${1:?usage: $0 VERSION [FILE]} file=${2:-$(dirname "$0")/../CHANGELOG.md}
notes=$(awk -v heading="## [${version#v}]" 'index($0, "## [") == 1 { inside = index($0, heading) == 1; next } inside' "$file")
if ! grep -q '[^[:space:]]' <<<"$notes"; then
  echo "$0: $file says nothing of ${version#v}: give it a section \"## [${version#v}] - DATE\"" >&2
  exit 1
fi
printf '%s\n' "$notes" | sed -e '/./,$!d'
