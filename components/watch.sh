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

# subject_of LINE: the subject, in quotes, of a line that `nats sub` prints of a message: [#7] Received on "a.b" with reply "c". Then come the
# message's headers, which whoever published it has written: they may look the same but for a blank, which no subject has.
# What is said between the lines has a mark that nobody can guess.
subject_of() {
  number=${1#'[#'} number=${number%%']'*} rest=${1#*'] Received on '}
  case $number in '' | *[!0-9]*) return 1 ;; esac
  case $rest in
    *' with reply '*) subject=${rest%%' with reply '*} reply=${rest#*' with reply '} ;;
    *) subject=$rest reply='""' ;;
  esac
  case $subject$reply in *' '*) return 1 ;; '"'*'""'*'"') return 0 ;; *) return 1 ;; esac
}

# strays: the lines of one `nats sub` until it ends; between them `tick` when a report is due, `full` or `failed` at its end.
# A connection that was refused twice is closed and `nats sub` does not end: it is ended here. (It also answers what looks like flow
# control, which it may not, and goes on.)
strays() {
  NATS_USER=$WATCH_USER NATS_PASSWORD=$(cat "$WATCH_PASSWORD_FILE") \
    nats sub --headers-only --count=$most "$watched" 2>"$ready.watch" &
  sub=$!
  begun=$(uptime)
  while kill -0 $$ 2>/dev/null; do
    sleep 1 >/dev/null # it holds the pipe otherwise
    case $(cat "$ready.watch") in *'iolation for Subscription'* | *'uthorization '*) kill $sub 2>/dev/null ;; esac
    if ! kill -0 $sub 2>/dev/null; then
      if wait $sub; then echo "$mark full"; else echo "$mark failed"; fi
      while kill -0 $$ 2>/dev/null && [ $(($(uptime) - begun)) -lt "$every" ]; do sleep 1 >/dev/null; done
      echo "$mark tick"
      return
    fi
    if [ $(($(uptime) - begun)) -ge "$every" ]; then
      begun=$(uptime)
      echo "$mark tick"
    fi
  done
  kill $sub # the keeper has ended
}

# tally: reads what strays says. A line of `nats sub` is: [#7] Received on "ops.clusters.default.x"
tally() {
  : >"$seen"
  at_least='' working=yes
  while IFS= read -r line; do
    case $line in
      "$mark tick")
        report
        [ $working = no ] || rm -f "$ready.unwatched"
        ;;
      "$mark full") at_least='at least ' ;;
      "$mark failed")
        working=no
        [ -e "$ready.unwatched" ] || say "events under other names are not counted for now: $({ grep -i violation "$ready.watch" || cat "$ready.watch"; } | tail -n 1)"
        : >"$ready.unwatched"
        ;;
      '[#'*)
        subject_of "$line" || continue
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
    name=$(printf '%s' "$name" | tr -c '!-~' '?')
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
  mark=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  while [ -n "$watched" ] && kill -0 $$ 2>/dev/null; do strays | tally; done
}
