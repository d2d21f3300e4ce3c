/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "daemon/virt/private.h"

/* What libvirt's error numbers are to us; whatever is not here is this host's failure. */
static const struct {
	int number;
	int error;
	enum cf_code code;
} meanings[] = {
	{ VIR_ERR_NO_DOMAIN,              ENOENT,     CF_NOT_FOUND },
	{ VIR_ERR_OPERATION_INVALID,      EBUSY,      CF_CONFLICT  },
	{ VIR_ERR_MIGRATE_UNSAFE,         EPERM,      CF_CONFLICT  },
	{ VIR_ERR_OPERATION_ABORTED,      ECANCELED,  CF_ABORTED   },
	{ VIR_ERR_OPERATION_TIMEOUT,      ETIMEDOUT,  CF_HOST      },
	{ VIR_ERR_OPERATION_UNSUPPORTED,  EOPNOTSUPP, CF_HOST      },
	{ VIR_ERR_ARGUMENT_UNSUPPORTED,   EOPNOTSUPP, CF_HOST      },
	{ VIR_ERR_NO_SUPPORT,             EOPNOTSUPP, CF_HOST      },
	{ VIR_ERR_AUTH_FAILED,            EACCES,     CF_HOST      },
	{ VIR_ERR_AUTH_CANCELLED,         EACCES,     CF_HOST      },
	{ VIR_ERR_AUTH_UNAVAILABLE,       EACCES,     CF_HOST      },
	{ VIR_ERR_ACCESS_DENIED,          EACCES,     CF_HOST      },
	{ VIR_ERR_AGENT_UNRESPONSIVE,     ENOTCONN,   CF_HOST      },
	{ VIR_ERR_AGENT_UNSYNCED,         ENOTCONN,   CF_HOST      },
	{ VIR_ERR_NO_MEMORY,              ENOMEM,     CF_HOST      },
};

int virt_fail(struct cf_error *err, const char *what)
{
	const virError *last = virGetLastError();
	int error = EIO;
	enum cf_code code = CF_HOST;

	for (size_t i = 0; last && i < CF_COUNT(meanings); i++)
		if (meanings[i].number == last->code) {
			error = meanings[i].error;
			code = meanings[i].code;
		}
	/* Of XML that it cannot parse libvirt shows the line, whatever secret stands there. */
	if (last && last->code == VIR_ERR_XML_DETAIL)
		return cf_fail(err, error, code, "%s: libvirt cannot parse the XML", what);
	return cf_fail(err, error, code, "%s: %s", what,
		       last && last->message ? last->message : "unknown error");
}

int virt_find(virConnectPtr connection, const char *uuid, virDomainPtr *ret, struct cf_error *err)
{
	virDomainPtr domain = virDomainLookupByUUIDString(connection, uuid);

	if (!domain)
		return virt_fail(err, "domain");
	*ret = domain;
	return 0;
}
