#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Two agents and what is between them: who may call whom, what each is told when
# it may not, and whether the offset they measure is the true one.
. "$srcdir/tests/rig/rig.sh"
RIG_PROBE="2 s"	# one that hangs is asked again and again
requires_rig
requires_command curl setpriv

port=9437
url=https://hB:$port
pki=$RIG_CACHE/pki
second="probe { interval = \"1 s\" }"

# asked CERTIFICATE|none METHOD URL [OPTION...]: curl on A shows B the certificate; status, and code of the problem.
asked()
{
	local certificate=$1 method=$2 to=$3 body=$RIG_DIR/body status
	shift 3
	[ "$certificate" = none ] || set -- --cert "$pki/$certificate.pem" --key "$pki/$certificate.key" "$@"
	status=$(rig_in A curl -s -m 20 --cacert "$pki/ca.pem" -o "$body" -w '%{http_code}' -X "$method" "$@" "$to")
	echo "$status $(pick 'v.get("code", "-")' <"$body")"
}

# local_user METHOD PATH: the same for a user of A who is nobody, on the socket.
local_user()
{
	local body=$RIG_DIR/body status
	status=$(rig_in A setpriv --reuid 65534 --regid 65534 --clear-groups curl -s -m 20 -w '%{http_code}' -X "$1" \
		--unix-socket /run/clockferry/api.sock "http://localhost$2" 2>/dev/null >"$body"; tail -c 3 "$body")
	echo "$status $(sed '$ s/...$//' "$body" | pick 'v.get("code", "-")')"
}

# sees HOST PEER: the first finding that refuses, from a measurement now; and what `check` says.
sees()
{
	rig_clockferry "$1" peers "$2" --json |
		pick '" ".join([f["code"] for f in v["findings"] if f["severity"] == "refuse"] or ["open" if v["gate_open"] else "closed"])'
}

says()
{
	rig_clockferry "$1" peers "$2" --json | pick 'v["why"]'
}

check_says()
{
	rig_clockferry "$1" check nosuch "$2" --json |
		pick '" ".join(f["code"] for f in v["list"][0]["findings"] if f["code"].startswith(("peer-", "clock-or-")))'
}

# background HOST PEER yes|no: what the agent of HOST found without being asked.
background()
{
	[ "$(rig_clockferry "$1" peers --json | pick "{p['host']: p['reachable'] for p in v['list']}['$2']")" = \
		"$([ "$3" = yes ] && echo True || echo False)" ]
}

agent_pid()
{
	rig_in "$1" pgrep -x clockferryd
}

time_text='20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.0{9}Z'

rig_faketime B +0 chrony
rig_up
for host in A B; do
	rig_agent_conf $host "$second" && rig_certificate $host && rig_agent $host start
done
rig_agent_conf A "$second" 'peer "impostor" { address = "10.99.0.2" }' && rig_agent A reload
ok "A sees B" wait_for 20 background A hB yes
ok "B sees A" wait_for 20 background B hA yes
pids="$(agent_pid A) $(agent_pid B)"

note "who calls, by certificate"
while read -r certificate method path wanted; do
	is "$certificate: $method $path" "$(asked "$certificate" "$method" "$url$path")" "$wanted"
done <<-T
	none     GET  /v1/clock        403 forbidden
	none     GET  /v1/nothing      403 forbidden
	none     POST /v1/clock/probe  403 forbidden
	other    GET  /v1/clock        403 forbidden
	stranger GET  /v1/clock        403 forbidden
	expired  GET  /v1/clock        403 certificate-time
	early    GET  /v1/clock        403 certificate-time
	hA       GET  /v1/clock        200 -
	operator GET  /v1/clock        200 -
	hR       GET  /v1/clock        200 -
	hA       GET  /v1/peers        403 forbidden
	operator GET  /v1/peers        200 -
	hR       GET  /v1/peers        200 -
	operator POST /v1/clock/probe  403 forbidden
	hR       DELETE /v1/migrations/00000000-0000-4000-8000-000000000000 403 forbidden
	hA       DELETE /v1/migrations/00000000-0000-4000-8000-000000000000 403 forbidden
	operator DELETE /v1/migrations/00000000-0000-4000-8000-000000000000 404 not-found
T
is "a probe by a peer" "$(asked hA POST $url/v1/clock/probe -d '{}')" "200 -"
rig_in A curl -s -m 20 --cacert "$pki/other-ca.pem" --cert "$pki/hA.pem" --key "$pki/hA.key" $url/v1/clock >/dev/null
is "who trusts another CA ends the handshake" $? 60
rig_in A curl -s -m 20 --cacert "$pki/ca.pem" --resolve hX:$port:10.99.0.2 https://hX:$port/v1/clock >/dev/null
is "who wants another host ends the handshake" $? 60

note "who calls, by user"
is "nobody: GET /v1/clock" "$(local_user GET /v1/clock)" "200 -"
others=0
while read -r method path; do
	is "nobody: $method $path" "$(local_user "$method" "$path")" "403 forbidden"
	others=$((others + 1))
done < <(sed -n 's/.*= { "\([A-Z]*\)", "\([^"]*\)".*/\1 \2/p' "$srcdir/proto/route.c" | grep -v 'GET /v1/clock$' | sed 's/{}/x/g')
ok "that was every other route" test $others -ge 17

note "B with another certificate, towards A and from A"
is "a host of another name" "$(sees A impostor) $(check_says A impostor)" "peer-unreachable peer-unreachable"
like "... is told by its name" "$(says A impostor)" 'impostor.*certificate subject name|subject name.*impostor'
while read -r name from_a from_b; do
	rig_certificate B $name && rig_agent B reload
	ok "$name: B's agent finds out" wait_for 20 background B hA no
	is "$name: A sees, and checks" "$(sees A hB) $(check_says A hB)" "$from_a $from_a"
	is "$name: B sees, and checks" "$(sees B hA) $(check_says B hA)" "$from_b $from_b"
	case $name in
	expired | early)
		like "$name: A is told both times" "$(says A hB)" "hB is valid from $time_text to $time_text, and the clock of this host says $time_text"
		like "$name: B is told both times" "$(says B hA)" "client certificate is valid from $time_text to $time_text, and the server's clock says $time_text"
		;;
	esac
	rig_certificate B && rig_agent B reload
	ok "$name: with the right one again B sees A" wait_for 20 background B hA yes
	is "$name: and A sees B" "$(sees A hB)" open
done <<-T
	other    peer-unreachable          peer-denied
	stranger peer-unreachable          peer-denied
	expired  clock-or-certificate-time clock-or-certificate-time
	early    clock-or-certificate-time clock-or-certificate-time
T
rm "$RIG_DIR/B/etc/clockferry/pki/cert.pem"
rig_agent B reload
health()
{
	rig_in "$1" curl -s -m 20 --unix-socket /run/clockferry/api.sock http://localhost/v1/health
}
settings_taken()
{
	[ -z "$(health "$1" | pick 'v["settings"]')" ]
}
wait_for 20 not settings_taken B
like "no certificate at all: the agent says so" "$(health B | pick 'v["settings"]')" 'cert\.pem'
is "... and what it has goes on" "$(sees A hB)" open
rig_certificate B && rig_agent B reload
ok "... until it has one again" wait_for 20 settings_taken B

rig_agent_conf B "$second"
sed -i 's/"dns:hA", //' "$RIG_DIR/B/etc/clockferry/clockferryd.conf"
rig_agent B reload
ok "A's name is taken out of B's [access]: A finds out" wait_for 20 background A hB no
is "... by peer-denied" "$(sees A hB) $(check_says A hB)" "peer-denied peer-denied"
rig_agent_conf B "$second" && rig_agent B reload
ok "... and that it is back" wait_for 20 background A hB yes

rig_agent_conf A "$second" 'host = "hX"' && rig_agent A reload
is "A calls itself by another name than its certificate does" "$(check_says A hB)" peer-denied
like "... and is told so" "$(rig_clockferry A check nosuch hB 2>&1)" 'certificate is that of ha, which calls itself hX'
rig_agent_conf A "$second" && rig_agent A reload
is "... until it does no more" "$(check_says A hB)" ""
is "no agent was ended by any of this" "$(agent_pid A) $(agent_pid B)" "$pids"

note "B is gone, or hangs"
rig_agent B stop
ok "stopped: A finds out" wait_for 20 background A hB no
is "stopped: A sees, and checks" "$(sees A hB) $(check_says A hB)" "peer-unreachable peer-unreachable"
rig_agent B start
ok "started: A finds out" wait_for 20 background A hB yes

# shown_enough: A has asked B sixteen rounds a second for more than the ten seconds that make a rate.
shown_enough()
{
	[ "$(rig_clockferry A peers --json | pick "{p['host']: p['rounds'] for p in v['list']}['hB']")" -ge $((13 * 16)) ]
}
ok "A has known B long enough to know how they drift" wait_for 30 shown_enough
rig_agent B freeze
ok "frozen: A finds out" wait_for 30 background A hB no
for _ in 1 2 3; do # on a busy machine the two commands may not have asked at the same time
	before=$(date +%s%N)
	rig_clockferry A peers hB --json >"$RIG_DIR/frozen" &
	asked=$!
	rig_clockferry A clock >"$RIG_DIR/meanwhile"
	meanwhile=$?
	kill -0 $asked 2>/dev/null
	waits=$?
	wait $asked
	took=$((($(date +%s%N) - before) / 1000000))
	[ $waits != 0 ] || break
done
is "frozen: A itself answers meanwhile" $meanwhile 0
is "... while it still waits for B" $waits 0
ok "frozen: A does not wait for ever ($took ms)" test $took -lt 15000
is "frozen: A sees" "$(pick '" ".join(f["code"] for f in v["findings"])' <"$RIG_DIR/frozen")" peer-unreachable
like "frozen: by a timeout" "$(pick 'v["why"]' <"$RIG_DIR/frozen")" 'does not answer'
# widening: of what A knows of B, in ppm of the time that passes; a second without news at least.
widening()
{
	local pick="(lambda p: '%d %d' % (p['age_ns'], p['half_width_ns']))([p for p in v['list'] if p['host'] == 'hB'][0])"
	{
		rig_clockferry A peers --json | pick "$pick"
		sleep 1
		rig_clockferry A peers --json | pick "$pick"
	} | awk 'NR == 1 { age = $1; half = $2 } END { printf "%d", ($2 - half) / ($1 - age) * 1e6 }'
}
widening=$(widening)
ok "meanwhile the offset widens ($widening ppm)" test "$widening" -gt 0
ok "... by what the pair has shown, not by the worst there is" test "$widening" -lt 500
rig_agent B thaw
ok "thawed: A finds out" wait_for 20 background A hB yes

note "the truth of the offset"
# judge TRUE-NS: every line of rounds; prints what is wrong, and adds to the tally.
judge()
{
	python3 - "$1" "$RIG_DIR/rounds" "$RIG_DIR/tally" <<-'P'
		import json, sys
		truth, lines = int(sys.argv[1]), [json.loads(line) for line in open(sys.argv[2])]
		for m in lines:
		    if not m["raw"][0] <= 0 <= m["raw"][1]:
		        print("RAW offset 0 is not in", m)
		    if not m["real"][0] <= truth <= m["real"][1]:
		        print("host offset", truth, "is not in", m)
		with open(sys.argv[3], "a") as tally:
		    for m in lines:
		        print(m["rounds"], (m["raw"][1] - m["raw"][0]) // 2, (m["real"][1] - m["real"][0]) // 2, file=tally)
	P
}

# holds HOST PEER TRUE-NS [all]: the offset that the command shows for a peer measured now, or of all.
holds()
{
	local of=$2 choose=v
	[ "${4:-}" != all ] || { of='' choose="[p for p in v['list'] if p['host'] == '$2'][0]"; }
	[ "$(rig_clockferry "$1" peers $of --json |
		pick "(lambda o: o['low_ns'] <= $3 <= o['high_ns'])(${choose}['host_offset'])")" = True ]
}

: >"$RIG_DIR/tally"
for offset in +0 +0.0003 -0.0003 +0.02 -0.02 +2 -2 +3600 -3600; do
	truth=$(python3 -c "print(round($offset * 10**9))")
	rig_faketime B $offset
	for n in "1 128" "16 8"; do
		rig_in A "$builddir/tests/rounds" /etc/clockferry/pki hB $port $n
	done >"$RIG_DIR/rounds" 2>"$RIG_DIR/rounds.err"
	is "B at $offset s: all rounds are answered" "$(wc -l <"$RIG_DIR/rounds") $(cat "$RIG_DIR/rounds.err")" "136 "
	is "B at $offset s: each round and each intersection holds the truth" "$(judge $truth)" ""
	ok "B at $offset s: so does A's peers hB" holds A hB $truth
	ok "B at $offset s: and, the other way round, B's peers hA" holds B hA $((-truth))
	ok "B at $offset s: and what A knows of B without asking" wait_for 20 holds A hB $truth all
done
rounds=$(awk '{ n += $1 } END { print n }' "$RIG_DIR/tally")
ok "that were $rounds rounds, at least 1000 of them by themselves" test "$(grep -c '^1 ' "$RIG_DIR/tally")" -ge 1000
for n in 1 16; do
	for column in 2 3; do
		sort -n -k$column,$column "$RIG_DIR/tally" | awk -v n=$n -v c=$column '$1 == n { v[++k] = $c / 1000 }
			END { printf "# half-width of %d rounds, %s: %.1f us p50, %.1f us p90, %.1f us p99\n", n,
				c == 2 ? "RAW offset" : "host offset", v[int((k + 1) / 2)], v[int(k * .9)], v[int(k * .99)] }'
	done
done

note "a clock before the certificates"
valid_from=$(date -d "$(certtool -i --infile "$pki/hA.pem" | sed -n 's/.*Not Before: //p')" +%s)
rig_faketime B $((valid_from - $(date +%s) - 86400))
is "A sees, and checks" "$(sees A hB) $(check_says A hB)" "clock-or-certificate-time clock-or-certificate-time"
like "A is told both times" "$(says A hB)" "client certificate is valid from $time_text to $time_text, and the server's clock says $time_text"
is "B sees, and checks" "$(sees B hA) $(check_says B hA)" "clock-or-certificate-time clock-or-certificate-time"
like "B is told both times" "$(says B hA)" "hA is valid from $time_text to $time_text, and the clock of this host says $time_text"
rig_faketime B +0
is "with B's clock right again A reaches B" "$(says A hB)" ""
is "... and A's agent is still the same" "$(agent_pid A)" "${pids% *}"
is "no agent had anything else to complain of" \
	"$(grep -hE '^<[0-3]>' "$RIG_DIR/A/log/clockferryd" "$RIG_DIR/B/log/clockferryd" | grep -v 'stay as they were: .*/cert\.pem: No such file')" ""
finish
