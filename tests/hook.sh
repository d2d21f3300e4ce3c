#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The program that libvirt runs as its hook, whatever happens to it: built once more
# with files of this test's folder for those of a host, and an agent that is made up.
. "$srcdir/tests/tap.sh"
requires_command python3 prlimit

hook=$builddir/tests/hook-here
dir=$(mktemp -d)
cleanup 'rm -rf "$dir"'
cleanup 'agent_ends'
cd "$dir" && mkdir -p var/lib/clockferry run/clockferry || exit 1

uuid=8e1bd050-10c5-4610-90c4-bc7ee5f42728
echo "<domain><name>g</name><uuid>$uuid</uuid></domain>" >xml

# agent KIND: answers as it is told; what it was asked is in ./asked.
agent()
{
	agent_ends
	rm -f run/clockferry/api.sock asked
	python3 - "$1" >agent.log 2>&1 <<-'P' &
		import socket, sys, time
		kind = sys.argv[1]
		s = socket.socket(socket.AF_UNIX)
		s.bind("run/clockferry/api.sock.new")
		s.listen(1)
		import os
		os.rename("run/clockferry/api.sock.new", "run/clockferry/api.sock")
		def reply(body, status="200 OK"):
		    return ("HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)).encode()
		answers = {
		    "yes": reply('{"let_in":true,"text":"","mode":"enforce","expected":false,"findings":[]}'),
		    "no": reply('{"let_in":false,"text":"hB: the clock is late: 12 ms, limit 5 ms (hB)","findings":[]}'),
		    "forbidden": reply('{"code":"forbidden"}', "403 Forbidden"),
		    "garbage": b"\0\xff" * 4000,
		    "half": reply('{"let_in":true,"text":""}')[:-4],
		    "flood": b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 1000000,
		    "mute": b"",
		}
		while True:
		    c, _ = s.accept()
		    asked = c.recv(65536) if kind != "deaf" else b""
		    open("asked", "ab").write(asked)
		    try:
		        if kind in ("silent", "deaf"):
		            time.sleep(3600)
		        if kind == "drip":
		            for byte in answers["yes"]:
		                c.send(bytes([byte]))
		                time.sleep(0.2)
		        c.sendall(answers.get(kind, b""))
		    except OSError:
		        pass
		    c.close()
	P
	agent_pid=$!
	wait_for 20 test -S run/clockferry/api.sock
}

agent_ends()
{
	[ -z "$agent_pid" ] || { kill "$agent_pid"; wait "$agent_pid"; } 2>/dev/null
	agent_pid=
}

settings()
{
	printf '%s\n' "$@" >var/lib/clockferry/hook
}

# status COMMAND...: how it ended; what it said is in ./said and ./out.
status()
{
	local begin=${EPOCHREALTIME/./}
	"$@" >out 2>said <xml
	local r=$?
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	echo $r
}

migrate()
{
	status "$hook" g migrate begin -
}

# --- a migration ---

settings "deadline-ms 30000" "without-agent closed"
agent yes
is "a domain that may come in is let in" "$(migrate)" 0
is "without a word" "$(cat out said)" ""
like "the agent was asked by uuid" "$(cat asked)" "^POST /v1/guard HTTP/1.1"
like "and by name" "$(tr -d '\r' <asked | tail -n 1)" "^\{\"domain\":\"g\",\"uuid\":\"$uuid\"\}$"
agent no
is "one that may not is refused" "$(migrate)" 1
is "with the finding's text on standard error" "$(cat said)" "clockferry: hB: the clock is late: 12 ms, limit 5 ms (hB)"
is "and nothing on standard output, which would be the domain's XML" "$(cat out)" ""
is "a name that needs care in JSON is left out" "$(status "$hook" 'a"b' migrate begin -)" 1
like "of the question" "$(tr -d '\r' <asked | tail -n 1)" '"domain":"","uuid"'
: >xml
is "a domain without XML is judged too" "$(migrate)" 1
like "without a uuid" "$(tr -d '\r' <asked | tail -n 1)" '^\{"domain":"g"\}$'
head -c 3000000 /dev/zero >xml
is "and one with far too much of it" "$(migrate)" 1
echo "<domain><name>g</name><uuid>$uuid</uuid></domain>" >xml
is "standard error that is full takes no words, but refuses" "$("$hook" g migrate begin - <xml 2>/dev/full; echo $?)" 1
is "so does one that nobody reads" "$( { "$hook" g migrate begin - <xml; echo $? >broken; } 2>&1 | true; sleep 0.2; cat broken)" 1
for closed in '<&-' '2>&-' '>&-' '<&- >&- 2>&-'; do
	is "with $closed it is refused as well" "$(eval "cat xml | \"$hook\" g migrate begin - $closed"; echo $?)" 1
done

# --- no answer ---

for answer in forbidden garbage half flood mute; do
	agent $answer
	settings "deadline-ms 30000" "without-agent closed"
	is "an agent whose answer is $answer: closed" "$(migrate)" 1
	settings "deadline-ms 30000" "without-agent open"
	is "an agent whose answer is $answer: open" "$(migrate)" 0
done
for answer in silent deaf drip; do
	agent $answer
	settings "deadline-ms 300" "without-agent closed"
	is "an agent that is $answer: closed" "$(migrate)" 1
	like "and said so" "$(cat said)" "^clockferry: the agent does not answer: Connection timed out$"
	settings "deadline-ms 300" "without-agent open"
	is "an agent that is $answer: open" "$(migrate)" 0
	agent yes
	settings "deadline-ms 300" "without-agent open"
done
agent silent
settings "deadline-ms 500" "without-agent closed"
began=${EPOCHREALTIME/./}
migrate >/dev/null
took=$(((${EPOCHREALTIME/./} - began) / 1000))
is "the deadline is kept, not more than missed ($took ms of 500)" $((took >= 450 && took < 60000)) 1

agent_ends
rm -f run/clockferry/api.sock
settings "deadline-ms 300" "without-agent closed"
is "no agent: closed" "$(migrate)" 1
like "and said so" "$(cat said)" "^clockferry: the agent cannot be asked: No such file or directory$"
settings "deadline-ms 300" "without-agent open"
is "no agent: open" "$(migrate)" 0
rm -f var/lib/clockferry/hook
is "no agent and no settings: open" "$(migrate)" 0
mkdir var/lib/clockferry/hook
is "no agent and settings that cannot be read: closed" "$(migrate)" 1
rmdir var/lib/clockferry/hook
settings "deadline-ms 30000" "without-agent closed"
(sleep 0.3; agent yes; echo "$agent_pid" >restarted; wait "$agent_pid") 2>/dev/null &
is "an agent that comes back in time is asked" "$(migrate)" 0
ok "... it was there" wait_for 30 test -s restarted
kill "$(cat restarted)"
wait $!
rm -f run/clockferry/api.sock

# --- every other step of a domain's life ---

settings "deadline-ms 30000" "without-agent closed"
operations=("prepare begin" "start begin" "started begin" "stopped end" "release end" "reconnect begin" "attach begin"
	"restore begin" "migrate end" "migrate" "" "shutdown" "Migrate begin" "migrate Begin" "unplugged end")

# all_pass SENTENCE WAY: every other operation, with WAY before and after it, exits 0 without a word.
all_pass()
{
	local operation bad=
	for operation in "${operations[@]}"; do
		# shellcheck disable=SC2086
		said=$(eval "$2" 2>&1) || bad+=" [$operation: $?]"
		[ -z "$said" ] || bad+=" [$operation: $said]"
	done
	is "$1" "$bad" ""
}
all_pass "every other operation passes without an agent" '"$hook" g $operation -'
agent no
all_pass "with one that says no" '"$hook" g $operation - <xml'
is "which was never asked" "$(cat asked 2>/dev/null)" ""
agent silent
all_pass "with one that hangs" '"$hook" g $operation - <xml'
mkdir -p var/lib/clockferry/hook.d
all_pass "without files" '"$hook" g $operation - <&- >&- 2>&-'
all_pass "with standard error full" '"$hook" g $operation - <xml 2>/dev/full >/dev/full'
all_pass "with XML that never ends" 'timeout 60 "$hook" g $operation - </dev/zero'
all_pass "without room for files" 'prlimit --nofile=0:0 "$hook" g $operation - <xml'
all_pass "in a folder that is gone" '(mkdir gone && cd gone && rmdir ../gone && "$hook" g $operation -)'
all_pass "without anything in its environment" 'env -i "$hook" g $operation -'
all_pass "with a library to be loaded that is none" 'LD_PRELOAD=/nowhere.so LD_LIBRARY_PATH=/nowhere "$hook" g $operation -'
all_pass "with every signal ignored" "(trap '' INT TERM HUP PIPE USR1 USR2 ALRM CHLD; exec \"\$hook\" g \$operation -)"
all_pass "with little memory" 'prlimit --as=8000000 --stack=200000 --data=4000000 "$hook" g $operation -'
all_pass "without leave to write a byte" 'prlimit --fsize=0 "$hook" g $operation -'
is "and without arguments" "$("$hook"; echo $?)" 0
is "or with a name alone" "$("$hook" g; echo $?)" 0
ok "it needs no library" eval '! ldd "$builddir/clockferry-hook" 2>/dev/null | grep -q "=>"'
finish
