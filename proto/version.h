/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The version of the REST API.  Agents of one major version work together; the
 * minor tells what may be sent: a row of a shape that says CF_SINCE(n) is kept
 * from a peer whose minor is below n.
 */

#define CF_MAJOR 1
#define CF_MINOR 2

/* The port an agent listens on unless told otherwise. */
#define CF_PORT 9437

/* Room for names that come from outside, with their NUL. */
#define CF_HOST_ROOM	256	/* a DNS name */
#define CF_PERSON_ROOM	264	/* who calls: a name and what kind of one it is */
#define CF_NAME_ROOM	256	/* a libvirt domain's name */
#define CF_UUID_ROOM	37	/* 8-4-4-4-12 and NUL */
#define CF_DETAIL_ROOM	240	/* one line for a person */
