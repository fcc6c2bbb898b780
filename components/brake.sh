# SPDX-FileCopyrightText: The ops-nats authors
# SPDX-License-Identifier: Apache-2.0

# A part of keeper.sh, beside its loop: edges pause while the primary's servers cannot cut their logs.
# shellcheck shell=sh disable=SC2016,SC2034,SC2086,SC2154 # what stands in single quotes is jq's; keeper.sh has the other names
# Reads plan, ready; what it remembers stands in files, "<cluster> <subject> <when it was asked>", for a container may start anew.

# While a server copies what it has missed, the others do not cut the logs that they keep for replicas, for a minute and more (decision
# 9), and what edges bring would fill disks beside the streams. So edges that have much to bring are told to pause until the logs
# are cut. Nothing that is under way is touched, and without the keeper they go on by themselves.

# logs: the bytes of the longest log that a server keeps for replicas of a stream, whether one copies (the log, or then the messages),
# and how many did not say
logs() {
  pages "raftz?acc=$account" | jq -rs '[.[] | values[][]] as $logs
    | "\([$logs[].wal.bytes] | max // 0) \($logs | any(.catching_up or .paused)) \(map(select(. == null)) | length)"'
}

# a cluster, by the name of one of its servers: <cluster>.<pod>
by_server='def cluster: (. // "") | split(".")[0] // "";'

# linked: the names of clusters that have a link
linked() { pages leafz | jq -r "$by_server"'values.leafs // [] | .[].name | cluster' | tr '\n' ' '; }

# of a stream's information: clusters whose source is behind by more than is on its way, and by which subject each is told to pause
behind='[.config.sources[] | select(.external)] as $planned
| .sources[] | select(.lag > 500) | .external.deliver as $deliver | $planned[] | select(.external.deliver == $deliver)
| "\($deliver | ltrimstr("up.")) \(.external.api).CONSUMER.PAUSE.\(.name).\(.consumer.name)"'

# until_in SECONDS: the request that says until when
until_in() { jq -nc --argjson seconds "$1" '{pause_until: (now + $seconds | floor | todate)}'; }

# hold CLUSTER SUBJECT: has it pause for a minute, by its own clock, which may be another: what it answers tells how long it will.
# It is written down first, for an answer may be missed.
hold() {
  printf '%s %s %s\n' "$1" "$2" "$(uptime)" >"$ready.held.$1"
  answer=$(ask "$2" "$(until_in 60)")
  left=$(printf '%s' "$answer" | jq 'if .error then 60 else (.pause_remaining // 0) / 1e9 | floor end')
  if [ "${left:-60}" -lt 45 ] || [ "${left:-60}" -gt 75 ]; then answer=$(ask "$2" "$(until_in $((120 - left)))"); fi
  if [ "$(printf '%s' "$answer" | jq .paused)" != true ]; then
    printf '%s %s %s\n' "$1" "$2" "$(($(uptime) - 30))" >"$ready.held.$1" # it is asked again at the next look
    refused "$1 does not pause" "$answer"
  fi
}

# let_go CLUSTER SUBJECT WHEN: has it go on, which it does by itself a minute later
let_go() {
  answer=$(ask "$2" '{}')
  [ -n "$(code "$answer")" ] || [ $(($(uptime) - $3)) -gt 90 ] || { refused "$1 is not told to go on" "$answer"; return 1; }
  rm -f "$ready.held.$1"
}

# each COMMAND: with the words of each line that it is given; sixteen at a time, for one without an answer takes three seconds
each() {
  asked=0 children=''
  while read -r cluster subject at; do
    asked=$((asked + 1))
    (errors=$ready.errors.$cluster; "$1" "$cluster" "$subject" "$at") </dev/null &
    children="$children $!"
    [ $((asked % 16)) != 0 ] || { wait $children; children=''; }
  done
  [ -z "$children" ] || wait $children
}

held() { cat "$ready".held.* 2>/dev/null; }

# brake: one look, and what follows from it. Much is on its way when edges pause, so a server that copies has them do so long before
# the limit, and they go on when logs are well below it. Whoever pauses is asked again after half of its minute, for five minutes at most:
# logs that are not cut by then are not cut for another reason, and edges that wait lose what they have no room for. As long as a
# server does not say how long its logs are, nobody is told to go on: it may be the one, and a pause ends by itself.
brake() {
  longest=0 copies=false silent=1
  read -r longest copies silent <<END
$(logs)
END
  moment=$(uptime)
  [ "$copies" = true ] && limit=$((above / 4)) || limit=$above
  [ -z "$since" ] || limit=$((limit / 2))
  if [ "${longest:-0}" -gt "$limit" ]; then
    if [ -n "$since" ] && [ $((moment - since)) -ge 270 ]; then
      [ "$given_up" = yes ] || say "logs of replicas have $longest bytes, and are not cut: edges that paused go on"
      given_up=yes
      held | each let_go
      return 0
    fi
    found=$(api "STREAM.INFO.$stream")
    [ "$(code "$found")" = 0 ] || { refused "stream $stream cannot be asked for" "$found"; return 0; }
    skipped=" $(held | awk -v now="$moment" 'now >= $3 && now - $3 < 30 { print $1 }' | tr '\n' ' ')"
    links=" $(linked)"
    late=$(printf '%s' "$found" | jq -r "$behind" | while read -r cluster subject; do
      case $links in *" $cluster "*) ;; *) continue ;; esac
      case $skipped in *" $cluster "*) ;; *) echo "$cluster $subject" ;; esac
    done)
    [ -n "$late" ] || return 0
    [ -n "$since" ] || { since=$moment; say "logs of replicas have $longest bytes: edges that are behind pause until these are cut"; }
    printf '%s\n' "$late" | each hold
  elif [ "$silent" = 0 ]; then
    held | each let_go
    [ -z "$since" ] || [ -n "$(held)" ] || say "logs of replicas have $longest bytes: edges that paused go on"
    since='' given_up=no
  elif [ -n "$silent" ] && [ -z "$(held | awk -v now="$moment" 'now >= $3 && now - $3 < 60')" ]; then
    since='' given_up=no # all pauses have ended by themselves
  fi
}

# braking: looks every second, as long as the keeper lives
braking() {
  errors=$ready.errors.brake since='' given_up=no
  account=$(jq -r .brake.account "$plan") stream=$(jq -r .brake.stream "$plan") above=$(jq -r .brake.above "$plan")
  while kill -0 $$ 2>/dev/null; do
    brake
    sleep 1
  done
  return 0
}
