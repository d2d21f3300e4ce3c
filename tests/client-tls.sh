#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The operator's command and another host's agent, over TLS: whom it believes.
. "$srcdir/tests/tap.sh"
requires_command python3 certtool

dir=$(mktemp -d)
cleanup 'rm -rf "$dir"'
"$builddir/tests/made-up-json" "$dir" && "$srcdir/tests/rig/pki.sh" "$dir" || exit 1
echo 'GET /v1/clock 200 json clock.json' >"$dir/script"

# issue NAME DAYS-FROM DAYS-UNTIL: a certificate for localhost.
issue()
{
	local day=86400 now
	now=$(date +%s)
	{
		printf 'cn = "localhost"\ndns_name = "localhost"\nsigning_key\ntls_www_server\n'
		date -u -d "@$((now + $2 * day))" +'activation_date = "%Y-%m-%d %H:%M:%S UTC"'
		date -u -d "@$((now + $3 * day))" +'expiration_date = "%Y-%m-%d %H:%M:%S UTC"'
	} >"$dir/$1.template"
	certtool --generate-privkey --key-type=ecdsa --curve=secp256r1 --outfile "$dir/$1.key" 2>/dev/null
	certtool --generate-certificate --load-privkey "$dir/$1.key" --template "$dir/$1.template" \
		--load-ca-certificate "$dir/ca.pem" --load-ca-privkey "$dir/ca.key" --outfile "$dir/$1.pem" 2>/dev/null
}

# agent NAME: one with that certificate; its port is in $port.
agent()
{
	rm -f "$dir/port"
	python3 "$srcdir/tests/fake-agent.py" "$dir" 127.0.0.1 "$dir/port" "$dir/$1.pem" "$dir/$1.key" "$dir/ca.pem" \
		2>>"$dir/agent.log" &
	cleanup "kill $! 2>/dev/null"
	wait_for 20 test -e "$dir/port" || exit 1
	port=$(cat "$dir/port")
}

ferry()
{
	status=0
	"$builddir/clockferry" --timeout 20s --host "localhost:$port" "$@" >"$dir/out" 2>"$dir/err" || status=$?
	out=$(cat "$dir/out") err=$(cat "$dir/err")
}
export CLOCKFERRY_CA=$dir/ca.pem CLOCKFERRY_CERT=$dir/operator.pem CLOCKFERRY_KEY=$dir/operator.key
export https_proxy=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1

issue good -1 30
issue expired-here -9 -2
issue early-here 100 200

agent good
ferry clock
is "the right agent is asked, whatever proxy is set" "$status" 0 || note "$err"
is "the right agent's answer is shown" "$out" "$(cat "$srcdir/tests/golden/clock.txt")"

ferry --ca "$dir/other-ca.pem" clock
is "an agent of another CA is not asked" "$status" 6
ferry --cert "$dir/other.pem" --key "$dir/other.key" clock
is "an agent that does not take our certificate is no answer" "$status" 6
ferry --cert "$dir/nothing.pem" clock
is "no certificate of our own: failure" "$status" 1
like "no certificate of our own: which file" "$err" 'nothing\.pem'
ferry --ca "$dir/nothing.pem" clock
is "no CA: failure" "$status" 1
like "no CA: which file" "$err" 'nothing\.pem'
CLOCKFERRY_KEY=$dir/hA.key ferry clock
is "a key that is not the certificate's: failure" "$status" 1

# revoke NAME: a list with it alone.
revoke()
{
	printf 'crl_next_update = 30\ncrl_number = 1\n' >"$dir/$1.crl-template"
	certtool --generate-crl --load-ca-privkey "$dir/ca.key" --load-ca-certificate "$dir/ca.pem" \
		--load-certificate "$dir/$1.pem" --template "$dir/$1.crl-template" --outfile "$dir/$1.crl" 2>/dev/null
}

revoke good
revoke early-here
ferry --crl "$dir/good.crl" clock
is "an agent that the CA has revoked is not asked" "$status" 6 || note "$err"
CLOCKFERRY_CRL=$dir/good.crl ferry clock
is "... whoever names the list" "$status" 6
ferry --crl "$dir/early-here.crl" clock
is "one that is not on the list is" "$status" 0 || note "$err"
ferry --crl "$dir/nothing.crl" clock
is "no list where one is named: failure" "$status" 1
like "no list where one is named: which file" "$err" 'nothing\.crl'
ferry --crl "$dir/ca.pem" clock
is "what is no list: failure" "$status" 1 || note "$err"

status=0
"$builddir/clockferry" --timeout 20s --host "127.0.0.1:$port" clock >"$dir/out" 2>"$dir/err" || status=$?
is "an agent of another name is not asked" "$status" 6

for name in expired-here early-here; do
	agent $name
	ferry clock
	is "$name: no answer" "$status" 6
	like "$name: asks for the clocks" "$(cat "$dir/err")" "is that host's clock right"
done

for host in localhost:1 [::1]:1 ::1 127.0.0.1:1; do
	status=0
	"$builddir/clockferry" --host "$host" clock >"$dir/out" 2>"$dir/err" || status=$?
	is "nobody listens at $host" "$status" 6 || note "$(cat "$dir/err")"
done
finish
