# Types a piece of a flag and Tab into a fresh interactive zsh, and looks for the whole flag.
zmodload zsh/zpty
zpty shell 'TERM=dumb PS1= zsh -f -i'
zpty -w shell 'fpath=(/usr/share/zsh/vendor-completions $fpath); autoload -Uz compinit; compinit -u -D; print rea""dy'
zpty -r -m shell seen '*ready*' || exit 1
zpty -n -w shell $'pg_canary_exporter --log.lev\t'
# The terminal stays silent where nothing is completed: the clock ends that.
begun=$SECONDS
while (( SECONDS - begun < 120 )); do
  if zpty -r -t shell piece; then
    seen+=$piece
    [[ $seen == *--log.level* ]] && exit 0
  fi
done
print -r -- "nothing was completed: $seen"
exit 1
