# SPDX-FileCopyrightText: The ops-nats authors
# SPDX-License-Identifier: Apache-2.0

# Part of keeper.sh, beside its loop: counts events whose cluster name the edge does not carry to the primary, and reports them.
# shellcheck shell=sh disable=SC2154 # keeper.sh has the other names
# Environment: WATCH_USER, WATCH_PASSWORD_FILE (read at each start, for it may change); WATCH_SECONDS between two reports.

# The server's permissions leave out all that is carried or received, so whatever arrives is a stray. `nats sub` ends after so many:
# a flood costs that much CPU between two reports and no more, and counts are then lower bounds.
most=10000
every=${WATCH_SECONDS:-60}
seen=$ready.strays

# strays: the lines of one `nats sub` until it ends; between them `tick` when a report is due, `full` or `failed` at its end.
# A connection that was refused twice is closed and `nats sub` does not end: it is ended here.
strays() {
  NATS_USER=$WATCH_USER NATS_PASSWORD=$(cat "$WATCH_PASSWORD_FILE") \
    nats sub --headers-only --count=$most "$watched" 2>"$ready.watch" &
  sub=$!
  begun=$(uptime)
  while kill -0 $$ 2>/dev/null; do
    sleep 1 >/dev/null # it holds the pipe otherwise
    case $(cat "$ready.watch") in *[Vv]iolation*) kill $sub 2>/dev/null ;; esac
    if ! kill -0 $sub 2>/dev/null; then
      if wait $sub; then echo full; else echo failed; fi
      while kill -0 $$ 2>/dev/null && [ $(($(uptime) - begun)) -lt "$every" ]; do sleep 1 >/dev/null; done
      echo tick
      return
    fi
    if [ $(($(uptime) - begun)) -ge "$every" ]; then
      begun=$(uptime)
      echo tick
    fi
  done
  kill $sub # the keeper has ended
}

# tally: reads what strays says. A line of `nats sub` is: [#7] Received on "ops.clusters.default.x"
tally() {
  : >"$seen"
  at_least='' working=yes
  while read -r first _ _ subject _; do
    case $first in
      tick)
        report
        [ $working = no ] || rm -f "$ready.unwatched"
        ;;
      full) at_least='at least ' ;;
      failed)
        working=no
        [ -e "$ready.unwatched" ] || say "events under other names are not counted for now: $({ grep -i violation "$ready.watch" || cat "$ready.watch"; } | tail -n 1)"
        : >"$ready.unwatched"
        ;;
      '[#'*']')
        case $subject in '"ops.clusters.'*) ;; *) continue ;; esac
        subject=${subject#'"ops.clusters.'}
        subject=${subject%'"'}
        case $subject in
          *.*) printf '%.80s.>\n' "${subject%%.*}" ;;
          *) printf '%.80s\n' "$subject" ;;
        esac >>"$seen"
        ;;
    esac
  done
}

# report: a line for each name since the last report, the loudest first, twenty at most
report() {
  sort "$seen" | uniq -c | sort -rn >"$seen.counts"
  : >"$seen"
  shown=0
  while read -r number name; do
    shown=$((shown + 1))
    [ $shown -le 20 ] || continue
    fix="set Ops' event.cluster to $edge"
    case $name in
      *[!a-z0-9_.\>-]*) ;;
      *.\>) fix="add ${name%.>} to ops-nats:acceptClusterNames or $fix" ;;
      *) fix='an event needs more tokens after the name of its cluster' ;;
    esac
    case $name in *.\>) where="below ops.clusters.$name" ;; *) where="on ops.clusters.$name itself" ;; esac
    say "events $where are not carried to the primary ($at_least$number in the last $every s): $fix"
  done <"$seen.counts"
  [ $shown -le 20 ] || say "events of $((shown - 20)) more names are not carried to the primary"
  at_least=''
}

# watching: as long as the keeper lives
watching() {
  edge=$(jq -r .watch.edge "$plan") watched=$(jq -r '.watch.subject // ""' "$plan")
  case $watched in
    'ops.clusters.>') ;;
    *) say "this edge receives or publishes what others call theirs: of events under other names only ${watched:-none} are counted" ;;
  esac
  while [ -n "$watched" ] && kill -0 $$ 2>/dev/null; do strays | tally; done
}
