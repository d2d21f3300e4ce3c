#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# pki.sh DIR: a throw-away CA and what it, and others, issued:
#
#   ca.pem                the CA that the agents trust
#   hA hB hR              agents: DNS hA, their addresses, for server and client
#   operator              a person, for a client only (CN operator)
#   stranger              right CA, a name that no [access] line maps
#   expired early         right CA and name hB, but no longer, or not yet, valid
#   other                 name hB, issued by another CA (other-ca.pem)
#
# each NAME.pem with its key NAME.key.  Valid from a day before, so that a
# host an hour behind does not find them too young.  Kept in DIR for ten days.
set -eu
umask 077
dir=$1
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
cd "$dir"
[ -z "$(find . -name made-6 -mtime -10)" ] || exit 0

day=86400
now=$(date +%s)
stamp()
{
	date -u -d "@$1" '+%Y-%m-%d %H:%M:%S UTC'
}

# quietly COMMAND...: certtool tells a story of each certificate.
quietly()
{
	"$@" >log 2>&1 || { cat log >&2; exit 1; }
}

# valid FROM UNTIL: as seconds from now.
valid()
{
	printf 'activation_date = "%s"\nexpiration_date = "%s"\n' "$(stamp $((now + $1)))" "$(stamp $((now + $2)))"
}

key()
{
	quietly certtool --generate-privkey --key-type=ecdsa --curve=secp256r1 --outfile "$1.key"
}

authority()
{
	key "$1"
	{
		printf 'cn = "%s"\nca\ncert_signing_key\ncrl_signing_key\n' "$2"
		valid -$day $((365 * day))
	} >"$1.template"
	quietly certtool --generate-self-signed --load-privkey "$1.key" --template "$1.template" --outfile "$1.pem"
}

# issue AUTHORITY FILE TEMPLATE-LINE...
issue()
{
	local ca=$1 name=$2
	shift 2
	key "$name"
	printf '%s\n' "$@" signing_key tls_www_client >"$name.template"
	quietly certtool --generate-certificate --load-privkey "$name.key" --template "$name.template" \
		--load-ca-certificate "$ca.pem" --load-ca-privkey "$ca.key" --outfile "$name.pem"
}

usual=$(valid -$day $((30 * day)))
agent_B=('cn = "hB"' 'dns_name = "hB"' 'ip_address = "10.99.0.2"' 'ip_address = "fd99::2"' tls_www_server)

authority ca "clockferry rig"
authority other-ca "somebody else"
issue ca hA 'cn = "hA"' 'dns_name = "hA"' 'ip_address = "10.99.0.1"' 'ip_address = "fd99::1"' tls_www_server "$usual"
issue ca hB "${agent_B[@]}" "$usual"
issue ca hR 'cn = "hR"' 'dns_name = "hR"' 'ip_address = "10.99.0.254"' 'ip_address = "fd99::254"' tls_www_server "$usual"
issue ca operator 'cn = "operator"' "$usual"
issue ca stranger 'cn = "stranger"' 'dns_name = "stranger"' tls_www_server "$usual"
issue ca expired "${agent_B[@]}" "$(valid -$((9 * day)) -$((2 * day)))"
issue ca early "${agent_B[@]}" "$(valid $((100 * day)) $((200 * day)))"
issue other-ca other "${agent_B[@]}" "$usual"
rm -f log ./*.template
: >made-6
