#!/bin/sh
# SPDX-FileCopyrightText: The ops-nats authors
# SPDX-License-Identifier: Apache-2.0

# Keeps a cluster's streams as plan.json has them (components/streams.ts): makes what is missing, and changes streams that differ.
# At an edge it reports events whose cluster name is not carried. Nothing flows through it; without it, streams go on as they are.
# Needs sh, awk, jq, wget (or curl) and nats, all in the nats-box image. It speaks JSON with the server's own API, not nats' commands.
# shellcheck disable=SC2016,SC2086 # what stands in single quotes is jq's; MONITORS is a list
# Environment: NATS_URL, NATS_USER, NATS_PASSWORD; MONITORS: the servers' monitoring URLs, separated by blanks; SERVER_SET: what the
# servers' pods are called, without their numbers. At edges more (watch.sh).
set -u
server_set=${SERVER_SET:-nats}
plan=${PLAN:-/etc/keeper/plan.json}
ready=${READY:-/tmp/ready}
errors=$ready.errors
. "$(dirname "$0")/brake.sh"
. "$(dirname "$0")/watch.sh"

say() { printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"; }

# uptime: seconds by a clock that nobody sets, for all that is waited for; the date, where there is no such clock
uptime() { if read -r seconds _ 2>/dev/null </proc/uptime; then echo "${seconds%.*}"; else date +%s; fi; }

# api SUBJECT [BODY]: the server's answer
api() { ask "\$JS.API.$1" "${2:-}"; }

# ask SUBJECT BODY: an answer. Go templates of the nats command would be taken for its own: there are none in plans.
ask() {
  if [ ${#2} -gt 100000 ]; then
    big "$1" "$2"
  else
    nats req --raw --timeout=3s "$1" "$2" 2>"$errors"
  fi
}

# big SUBJECT BODY: the same for what no argument of a program can hold (128 KiB: about 500 edges), which `nats req` asks for.
# An answer that comes before somebody listens is missed; the next look then finds the work done.
big() {
  inbox=_INBOX.keeper.$$.$(date +%s)
  nats sub --raw --count=1 --wait=10s "$inbox" >"$ready.answer" 2>"$errors" &
  listener=$!
  sleep 1
  printf '%s' "$2" | nats pub --force-stdin --reply="$inbox" "$1" >"$errors" 2>&1
  wait $listener
  cat "$ready.answer"
}

# code ANSWER: 0 when it is no error, the server's own number when it is one, nothing when there was none.
code() { printf '%s' "$1" | jq -r 'if .error then .error.err_code // .error.code else 0 end' 2>/dev/null; }

# refused WHAT ANSWER. What an edge answers may be anything.
refused() {
  said=$(printf '%s' "$2" | jq -r '.error.description // "no answer"' 2>/dev/null || echo 'no answer')
  say "$1: $(printf '%s %s' "$said" "$(head -c 300 "$errors")" | head -c 600 | tr -c ' -~' ' ')"
  return 1
}

# What is there, changed into what is planned; what the plan does not name stays. The server adds defaults to each source:
# a source counts as the same when all that the plan says of it is so. A stream that was without sources for a while got its name
# for a subject, and a time for which it looks at ids.
merged='
def same($a; $b): ($a | length) == ($b | length)
  and ([range($a | length)] | all(. as $i | ($a[$i] * $b[$i]) == $a[$i]));
.[0].config as $now | .[1] as $want
| ($now * $want) | if $want.subjects then . else del(.subjects) end
| if $want.sources and ($want.duplicate_window | not) then del(.duplicate_window) else . end
| if same($now.sources // []; $want.sources // []) then .sources = $now.sources else . end
| if . == $now or (del(.sources) == ($now | del(.sources)) and .sources == $now.sources) then "same" else . end'

# away STREAM: whether the one server that has it does not run
away() { case " $down " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

# Whoever reads a stream by sequence takes numbers that it has had for what it has had. So a stream that others read counts from
# microseconds since 1970: when it was wiped, it is past all that was ever taken from it. It is made without its subjects, which it
# gets when it counts.
count() {
  # a clock that was not set yet would have it count below numbers that were taken, and what comes then is passed over
  [ "$(date +%s)" -ge $OLDEST ] || { say "stream $1 does not count on: the clock of this node is years behind: set it"; return 1; }
  answer=$(api "STREAM.PURGE.$1" "$(jq -nc '{seq: (now * 1000000 | floor)}')")
  [ "$(code "$answer")" = 0 ] || refused "stream $1 does not count on" "$answer"
}
uncounted='.state.first_seq < 1e15'
OLDEST=1767225600 # 2026-01-01

# A server's own stream whose disk was lost is there again with its server, for the cluster remembers it, and counts from one: those
# numbers were taken, and what has them is passed over. It is told to count on from now.
wiped="$uncounted"' and (.created | sub("\\.[0-9]+"; "") | fromdate) < $start
and (.state.messages == 0 or (.state.first_ts | sub("\\.[0-9]+"; "") | fromdate) >= $start)'

# anew STREAM: one that has nothing counts on from now. Whoever reads it still has numbers of the consumer that is gone: it is taken
# off meanwhile, so that it begins with the new one. Until that is done (held), what reads stays as it is: put back, it would pass
# over what has a number that was taken. Such a stream was just made; or whoever made it has ended before it was counted; or its server, whose
# disk was wiped, has heard from the others as yet how it was made, and not what it was changed to.
anew() {
  case " $held " in *" $1 "*) ;; *) held="$held $1" ;; esac
  readers=$(jq -r '.reader // empty' "$plan") intake=''
  if [ -n "$readers" ]; then
    intake=$(api "STREAM.INFO.$readers")
    case $(code "$intake") in
      0) if reads "$intake" "$1"; then withdraw "$readers" "$intake" "$1" || return 1; else intake=''; fi ;;
      10059) intake='' ;;
      *) refused "stream $readers cannot be asked for" "$intake"; return 1 ;;
    esac
  fi
  count "$1" || return 1
  held=$(less "$held" "$1")
  [ -z "$intake" ] || restore "$readers" "$intake" "$1" || return 1
  [ "$done" = made ] || say "stream $1: it began with nothing, it counts on from now"
}

# recount STREAM: looks, once after each start of its server, whether it was wiped.
recount() {
  case " $fresh " in *" $1 "*) ;; *) return 0 ;; esac
  ordinal=${1##*-}
  start=$(fetch "$(printf '%s\n' $MONITORS | sed -n "$((ordinal + 1))p")/varz" | jq '.start | sub("\\.[0-9]+"; "") | fromdate') || start=
  [ -n "$start" ] || { say "stream $1 is not looked at: its server does not tell when it started"; return 1; }
  [ "$(printf '%s' "$found" | jq --argjson start "$start" "$wiped")" != true ] || anew "$1" || return 1
  held=$(less "$held" "$1") fresh=$(less "$fresh" "$1")
}

# less NAMES NAME: the names but that one
less() { printf ' %s ' "$1" | sed "s/ $2 / /g; s/^ *$//"; }

# full STREAM: says when a stream has come to its limit, and when it has room again
full() {
  read -r brimful discard size <<END
$(printf '%s' "$found" | jq -r '"\(.state.bytes > 0.95 * .config.max_bytes) \(.config.discard) \(.state.bytes)"')
END
  case $fulls in *" $1 "*) known=true ;; *) known=false ;; esac
  [ "$brimful" = "$known" ] && return 0
  case $brimful$discard in
    trueold) say "stream $1: full with $size bytes; its oldest events give way to new ones" ;;
    truenew) say "stream $1: full with $size bytes; new events are refused until old ones go by their age" ;;
    *) say "stream $1: has room again" ;;
  esac
  if [ "$brimful" = true ]; then fulls="$fulls $1 "; else fulls=$(printf '%s' "$fulls" | sed "s/ $1 //"); fi
}

# Says which servers run and are not well, as one whose disk is full: Kubernetes asks them less, so that they stay reachable.
sickness() {
  was=$sick
  sick=
  ordinal=0
  for url in $MONITORS; do
    if fetch "$url/healthz?js-server-only=true" >/dev/null && ! fetch "$url/healthz" >/dev/null; then sick="$sick $server_set-$ordinal"; fi
    ordinal=$((ordinal + 1))
  done
  [ "$sick" = "$was" ] || say "servers that are not well:${sick:- none} (if any: kubectl logs <server> -c nats says why)"
}

# expiring: says once a day which certificate of the servers ends soon; ten minutes later again where one has not told.
expiring() {
  [ $now -ge $expiry ] || return 0
  expiry=$((now + 600))
  found=$(pages varz | jq -rs --slurpfile plan "$plan" '[.[] | values] as $pages
    | ($pages | length), ($plan[0].certificates // {} | to_entries[] | .key as $of | .value as $days
    | [$pages[][$of].tls_cert_not_after // empty | (fromdate? // empty) - now | . / 86400 | floor] | min | values
    | select(. < $days) | "\($of) \(.)")' 2>/dev/null) || return 0
  [ "${found%%[!0-9]*}" != "$(printf '%s\n' $MONITORS | wc -l)" ] || expiry=$((now + 86400))
  printf '%s\n' "$found" | sed 1d | while read -r of days; do
    case $of in leaf) who='edges do not connect' ;; *) who="the cluster's servers do not find each other" ;; esac
    say "a certificate of the servers has $days days left, then $who any more: pulumi up for this stack takes another (somebody else's: have it renewed)"
  done
}

# stream INDEX: the stream of that index in the plan, made or changed
stream() {
  want=$(jq -c ".streams[$1].config" "$plan")
  name=$(printf '%s' "$want" | jq -r .name)
  origin=$(jq ".streams[$1].origin" "$plan")
  away "$name" && { absent=1; held=$(less "$held" "$name"); return $recent; } # it is fresh when it is back
  done=''
  found=$(api "STREAM.INFO.$name")
  if [ "$(code "$found")" = 10059 ]; then
    [ "$origin" = true ] || [ "$all$absent" = 00 ] || return 1
    found=$(api "STREAM.CREATE.$name" "$(printf '%s' "$want" | jq -c "if $origin then del(.subjects) else . end")")
    [ "$(code "$found")" = 0 ] || { refused "stream $name is not made" "$found"; return 1; }
    done=made
  fi
  [ "$(code "$found")" = 0 ] || { refused "stream $name cannot be asked for" "$found"; return 1; }
  case $origin$(printf '%s' "$found" | jq "if $uncounted then .config.subjects == [.config.name] else \"counts\" end") in
    truetrue) anew "$name" || return 1 ;;
    true*counts*) held=$(less "$held" "$name") ;; # the answer that said so may have been missed
  esac
  change=$(printf '%s\n%s\n' "$found" "$want" | jq -cs "$merged")
  if [ "$change" != '"same"' ]; then
    found=$(api "STREAM.UPDATE.$name" "$change")
    [ "$(code "$found")" = 0 ] || { refused "stream $name is not changed" "$found"; return 1; }
    done=${done:-changed}
  fi
  recount "$name" || return 1
  full "$name"
  [ -z "$done" ] || say "stream $name: $done"
}

# in_use SUBJECT: whether the other end of a link may still listen to it. It does not when it did and a link that stands tells so no more, when
# that has told nothing of it at two looks (one that has just come tells a moment later), nor after half a minute: what heard
# nothing has given up by then. A source that got no answer listens, too, but for any sign of life: it is given one, once, asks again, and
# does not listen for the five seconds in which it waits. (To one that listens in truth it is nothing, and a reason to listen on.)
in_use() {
  moment=$(uptime)
  if [ -z "$missing_since" ]; then
    missing_since=$moment told_before='' heard_on=''
    say "consumer $where: is made when nobody listens to a former one, in half a minute at most"
  fi
  [ $((moment - missing_since)) -lt 30 ] || return 1
  links='' heard=''
  {
    read -r links
    read -r heard
  } <<END
$(pages "leafz?subs=true" | jq -cs --arg subject "$1" '[.[].leafs // [] | .[]]
  | map([.id, .name, .ip, .port]), any(.subscriptions_list // [] | any(. == $subject))')
END
  case $links in '' | '[]') return 0 ;; esac
  if [ "$heard" != false ]; then
    [ -n "$heard_on" ] || nats pub "$1" '' >"$errors" 2>&1
    heard_on=$links
    return 0
  fi
  [ "$links" != "$heard_on" ] || return 1
  [ "$links" = "$told_before" ] || { told_before=$links told_since=$moment; }
  [ $((moment - told_since)) -lt 2 ]
}

# consumer INDEX: the consumer of that index in the plan. What it hands over is counted from one: a source that still listens
# to a predecessor of the same name would take that for what it has had. So one that is read over a link is made when nobody
# listens; a source does so again when it has asked for it. One that is there is changed in one thing, how many events may be under way.
consumer() {
  where=$(jq -r ".consumers[$1] | .stream + \".\" + .config.name" "$plan")
  away "${where%.*}" && { absent=1; return $recent; }
  found=$(api "CONSUMER.INFO.$where")
  case $(code "$found") in
    0)
      missing_since=''
      most=$(jq ".consumers[$1].config.max_ack_pending" "$plan")
      [ "$(printf '%s' "$found" | jq .config.max_ack_pending)" != "$most" ] || return 0
      body=$(printf '%s' "$found" | jq -c --argjson most "$most" '{stream_name, config: (.config | .max_ack_pending = $most), action: "update"}')
      answer=$(api "CONSUMER.CREATE.$where" "$body")
      [ "$(code "$answer")" = 0 ] || { refused "consumer $where is not changed" "$answer"; return 1; }
      say "consumer $where: changed"
      ;;
    10014)
      if [ "$(jq ".consumers[$1].remote" "$plan")" = true ] && in_use "$(jq -r ".consumers[$1].config.deliver_subject" "$plan")"; then
        return 1
      fi
      body=$(jq -c ".consumers[$1] | {stream_name: .stream, config: .config, action: \"create\"}" "$plan")
      answer=$(api "CONSUMER.CREATE.$where" "$body")
      [ "$(code "$answer")" = 0 ] || { refused "consumer $where is not made" "$answer"; return 1; }
      missing_since=''
      say "consumer $where: made"
      ;;
    *) refused "consumer $where cannot be asked for" "$found" ;;
  esac
}

# consumers_of INDEX: the consumers of that stream
consumers_of() {
  for j in $(jq -r ".streams[$1].config.name as \$name | .consumers | to_entries[] | select(.value.stream == \$name) | .key" "$plan"); do
    consumer "$j" || all=1
  done
}

# Each stream and its consumers come before what reads them, which looks for them at once, and then after ever longer pauses. So what reads is
# made when they are there; once it is there, one that is away keeps nobody from changing it, nor, after a quarter of a minute, an `up` from its end: what
# its server has is looked at when that is back.
ensure() {
  all=0 absent=0
  was=$down
  down=$(printf '%s' "$servers" | jq -r 'to_entries | map(select(.value | not) | "own-'"$server_set"'-\(.key)") | join(" ")')
  if [ "$down" != "$was" ]; then
    down_since=$now
    say "servers that do not answer: $(printf '%s' "${down:-none}" | sed 's/own-//g')"
  fi
  recent=$((now - down_since < 15)) # such a one may only have been slow to answer
  case $servers in *'"'*) ;; *) recent=1 ;; esac # not one answers: nothing is known of any
  sickness
  for i in $(jq -r '.streams | to_entries[] | select(.value.origin) | .key' "$plan"); do stream "$i" || all=1; consumers_of "$i"; done
  [ -z "$held" ] || return 1
  for i in $(jq -r '.streams | to_entries[] | select(.value.origin | not) | .key' "$plan"); do
    if stream "$i"; then consumers_of "$i"; else all=1; fi
  done
  return $all
}

# by its path: a busybox may have another one built in, which is taken first and cannot look up names when it is static
wget=/usr/bin/wget
fetch() { if [ -x $wget ]; then $wget -q -T 2 -O - "$1"; else curl -sf -m 2 "$1"; fi 2>/dev/null; }

# pages PATH: what each server says there, null where it says nothing
pages() { for url in $MONITORS; do page=$(fetch "$url/$1") || page=null; printf '%s\n' "$page"; done; }

# which servers run; each start has an id of its own (routez: the shortest page that tells it)
look() { pages routez | jq -cs 'map(.server_id)'; }

# reads INFO STREAM: whether a stream of that description reads that one of the same account
reads() { [ "$(printf '%s' "$1" | jq --arg name "$2" '.config.sources // [] | any(.name == $name and (.external | not))')" = true ]; }

# withdraw STREAM INFO NAME: takes that source out of it. An answer that is missed says nothing of what was done: at the next look
# all is made as planned. So it is with restore, which puts it back.
withdraw() {
  answer=$(api "STREAM.UPDATE.$1" "$(printf '%s' "$2" | jq -c --arg name "$3" '.config | .sources |= map(select(.name != $name or .external))')")
  [ "$(code "$answer")" = 0 ] || { planned=no; refused "source $3 of $1 is not taken out" "$answer"; }
}
restore() {
  answer=$(api "STREAM.UPDATE.$1" "$(printf '%s' "$2" | jq -c .config)")
  [ "$(code "$answer")" = 0 ] || { planned=no; refused "source $3 of $1 is not put back" "$answer"; }
}

# the own streams of servers that have started since the look before
started='.[0] as $before | .[1] | to_entries | map(select(.value and .value != $before[.key]) | "own-'"$server_set"'-\(.key)") | join(" ")'

rm -f "$ready"
brakes=
if jq -e .brake "$plan" >/dev/null; then
  (
    braking &
    looks=$!
    trap 'kill $looks; exit 0' TERM
    wait $looks && exit 0
    say "the brake has failed, and so the keeper ends" # to be started anew
    kill $$
  ) &
  brakes=$!
fi
trap '[ -z "$brakes" ] || kill $brakes; exit 0' TERM INT
if jq -e .watch "$plan" >/dev/null; then watching & fi
say "keeping $(jq -r '[.streams[].config.name] | if . == [] then "no streams" else join(", ") end' "$plan")"
servers='' missing_since='' told_before='' told_since=0 heard_on='' down='' down_since=0 fresh='' fulls='' sick='' held='' now=0
planned=no ensured=0 expiry=0
while :; do
  servers_before=$servers
  servers=$(look) || servers=
  : "${servers:=$servers_before}" # a look that failed tells nothing
  now=$(uptime)
  case $planned in yes) pause=60 ;; *) pause=3 ;; esac
  # when a server has come or gone, every three seconds until all is as planned, then seldom
  if [ "$servers" != "$servers_before" ]; then
    fresh="$fresh $(printf '%s\n' "${servers_before:-[]}" "$servers" | jq -rs "$started")"
  fi
  if [ "$servers" != "$servers_before" ] || [ $((now - ensured)) -ge $pause ]; then
    ensured=$now
    if ensure; then
      [ -e "$ready" ] || say "all streams are as planned$([ $absent = 0 ] || echo ', but those of servers that do not answer')"
      : >"$ready"
      planned=yes
    else
      planned=no
    fi
  fi
  expiring
  sleep 1 &
  wait $!
done
