# SPDX-FileCopyrightText: The ops-nats authors
# SPDX-License-Identifier: Apache-2.0

# A part of keeper.sh: sources that read by a consumer (from 2.14 on) follow sources without one, of older servers.
# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # what stands in single quotes is jq's; keeper.sh has the other names
# Reads found, want, name, all, absent, ready, errors; changes found and want, waiting (sources that cannot be put in yet) and unseated.

# A source that reads by a consumer begins where that is, whatever the stream has of what it reads. So each consumer is first set to
# where the source was that it follows: its place. The stream's messages tell it, in a header: "<stream> <number> <what is read> <where
# it is filed>", and with a consumer in the stream's name. Until a source is put in, its place stands in the stream's metadata, for
# messages go: "unread" when the sources without a consumer are out, then {"<what is read> <where it is filed>": number}.
followed='((.[0].config.sources // []) | any(.consumer == null)) and ((.[1].sources // []) | any(.consumer != null))'
file='def file: .subject_transforms[0] | .src + " " + .dest;'
heirs="$file"'
.[2] as $places | ((.[0].config.sources // []) | map(file)) as $now
| (.[1].sources // [])[] | select(.consumer) | file as $file | select(($file | IN($now[]) | not) and $places[$file] != null)
| ((.external.api // "$JS.API") + ".CONSUMER.RESET.\(.name).\(.consumer.name)") as $reset
| "\($reset) \(.external != null) \($places[$file]) \($file)"'
seated="$file"'
($done | split("\n")) as $done | .[0] as $want | .[1] as $places | $want
| .sources |= map(select(file as $file | $places[$file] == null or ($file | IN($done[]))))
| .metadata["ops-nats.places"] = ($places | with_entries(select(.key | IN($done[]) | not)) | tojson)'

# note PLACES CHANGE: writes places into the stream's metadata, and changes the stream with it
note() {
  found=$(api "STREAM.UPDATE.$name" "$(printf '%s' "$found" |
    jq -c --arg places "$1" ".config | .metadata[\"ops-nats.places\"] = \$places | $2")")
  [ "$(code "$found")" = 0 ] || refused "stream $name is not changed" "$found"
}

# still: waits until nothing more comes: what the sources had on the way when they were taken out is stored
still() {
  before=
  while latest=$(printf '%s' "$found" | jq .state.last_seq) && [ "$latest" != "$before" ]; do
    before=$latest
    sleep 2
    found=$(api "STREAM.INFO.$name")
    [ "$(code "$found")" = 0 ] || { refused "stream $name cannot be asked for" "$found"; return 1; }
  done
}

# read_places: the places of all sources that had no consumer, as JSON, from all messages there are
read_places() {
  [ "$(printf '%s' "$found" | jq .state.messages)" != 0 ] || { echo '{}'; return 0; }
  lines=$(nats sub '>' --stream="$name" --all --headers-only --wait=5s 2>"$errors" |
    awk -v latest="$(printf '%s' "$found" | jq .state.last_seq)" '
      /^\[#[0-9]+\] Received JetStream message/ {
        for (i = 1; i < NF; i++) { if ($i == "seq") seq = $(i + 1); if ($i == "subject:") subject = $(i + 1) }
      }
      # older servers let through such a header of an edge that makes its own: it tells nothing of another edge
      $1 == "Nats-Stream-Source:" && $2 !~ /:C=/ && $3 ~ /^[0-9]+$/ && length($3) <= 16 {
        if (index(subject, substr($5, 1, length($5) - 1)) == 1) at[$4 " " $5] = $3
      }
      END { if (seq != latest) exit 1; for (key in at) print key, at[key] }') || return 1
  printf '%s' "$lines" | jq -Rnc 'reduce (inputs | split(" ")) as $line ({}; .[$line[0] + " " + $line[1]] = ($line[2] | tonumber))'
}

# seat RESET NUMBER SOURCE: sets a source's consumer to go on after a number; tells source, number, and "set", or why it is not
seat() {
  next=$(($2 + 1))
  answer=$(ask "$1" "{\"seq\": $next}")
  told=$(printf '%s' "${answer:-null}" | jq -r --arg next $next '
    if . == null then "no answer" elif (.reset_seq | tostring) == $next then "set" else .error.description // "no number" end' 2>&1)
  printf '%s %s %s\n' "$3" "$2" "$told"
}

# succeed: what is found gets no source by a consumer before that is where the source was that it follows. One whose consumer is not
# there yet waits: an edge makes it when it is deployed with this primary.
succeed() {
  waited=$waiting
  waiting='' unseated=0
  if [ "$(printf '%s\n%s\n' "$found" "$want" | jq -s "$followed")" = true ]; then
    [ "$all$absent" = 00 ] || return 1
    note unread '.sources |= map(select(.consumer))' || return 1
    say "stream $name: its sources without a consumer are taken out"
  fi
  places=$(printf '%s' "$found" | jq -r '.config.metadata["ops-nats.places"] // "{}"')
  if [ "$places" = unread ]; then
    still || return 1
    say "stream $name: reads up to where they were, in $(printf '%s' "$found" | jq .state.messages) messages"
    places=$(read_places) || { say "stream $name: was not read to its end $(head -c 300 "$errors")"; return 1; }
    read_to=$(printf '%s' "$found" | jq .state.last_seq)
    found=$(api "STREAM.INFO.$name")
    # what came after all, though nothing should: it is read again
    [ "$(printf '%s' "$found" | jq .state.last_seq)" = "$read_to" ] || return 1
    note "$places" . || return 1
  fi
  [ "$places" != '{}' ] || return 0
  asked=0 seats=''
  while read -r reset remote number file; do
    [ -n "$reset" ] || continue
    asked=$((asked + 1))
    seat "$reset" "$number" "$remote $file" >"$ready.seat.$asked" </dev/null &
    seats="$seats $!"
    [ $((asked % 16)) != 0 ] || { wait $seats; seats=''; } # one without an answer takes three seconds
  done <<END
$(printf '%s\n%s\n%s\n' "$found" "$want" "$places" | jq -rs "$heirs")
END
  [ -z "$seats" ] || wait $seats
  there=''
  while [ $asked -gt 0 ]; do
    remote='' reads='' filed='' number='' told=''
    read -r remote reads filed number told <"$ready.seat.$asked"
    rm -f "$ready.seat.$asked"
    asked=$((asked - 1))
    [ -n "$filed" ] || { say "stream $name: what its consumers answered was not kept"; return 1; }
    if [ "$told" = set ]; then
      say "source $reads to $filed: its consumer goes on after $number"
      there="$there$reads $filed
"
      continue
    fi
    waiting="$waiting $filed"
    [ "$remote" = true ] || { unseated=1; say "source $reads to $filed: its consumer does not go on after $number: $told"; }
  done
  [ "$waiting" = "$waited" ] || say "sources that wait for their edge to be deployed with these servers:${waiting:- none}"
  want=$(printf '%s\n%s\n' "$want" "$places" | jq -cs --arg done "$there" "$seated")
}
