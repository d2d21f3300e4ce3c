/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host [--stay] NAME PIDFILE CMD...: a machine of its own, as far as one kernel
 * can pretend: network, mounts, host name, IPC and processes.  CMD sets it up,
 * PIDFILE names its first process: enter its namespaces, kill it to end all.
 *
 * Its first process reaps orphans at once, as systemd would: libvirt asks
 * kill(pid, 0) whether a QEMU is gone, and a zombie looks alive for seconds.
 * And it is the handle by which the kernel ends every process of the host,
 * those that nobody remembers included: on SIGTERM, or (without --stay) when
 * whoever started us dies, however that happens.
 *
 * host --boot UTMP: notes there that the machine boots now.  Where no such file
 * says it, libvirt computes it anew at each start, to a second more or less, and
 * then takes what it remembers of a file's owner for another boot's, or does not.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utmpx.h>

static int die(const char *what)
{
	fprintf(stderr, "host: %s: %s\n", what, strerror(errno));
	return 1;
}

static void reap_for_ever(const sigset_t *set)
{
	for (;;) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		sigwaitinfo(set, NULL);
	}
}

static int first_process(char **cmd, const sigset_t *set)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return die("mount /proc");

	if (fork() == 0) {
		sigprocmask(SIG_UNBLOCK, set, NULL);
		execvp(cmd[0], cmd);
		_exit(die(cmd[0]));
	}
	reap_for_ever(set);
	return 0;
}

static int write_pid(const char *path, pid_t pid)
{
	FILE *file = fopen(path, "w");

	if (!file || fprintf(file, "%d\n", (int)pid) < 0 || fclose(file) < 0)
		return die(path);

	return 0;
}

static int note_boot(const char *path)
{
	struct utmpx boot = { .ut_type = BOOT_TIME, .ut_id = "~~", .ut_line = "~", .ut_user = "reboot" };
	FILE *file = fopen(path, "w");

	boot.ut_tv.tv_sec = time(NULL);
	if (!file || fwrite(&boot, sizeof(boot), 1, file) != 1 || fclose(file) != 0)
		return die(path);

	return 0;
}

static int leave_the_machine(const char *name)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID) < 0)
		return die("unshare");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return die("private mounts");
	if (sethostname(name, strlen(name)) < 0)
		return die("sethostname");

	return 0;
}

/* When the first process is gone the kernel has ended, and we have seen the end of, all others. */
static void wait_for_end(pid_t first, const sigset_t *set)
{
	for (;;) {
		int sig = sigwaitinfo(set, NULL);

		if (sig == SIGCHLD && waitpid(first, NULL, WNOHANG) == first)
			return;
		if (sig != SIGTERM)
			continue;
		kill(first, SIGKILL);
		waitpid(first, NULL, 0);
		return;
	}
}

int main(int argc, char **argv)
{
	int stay = argc > 1 && strcmp(argv[1], "--stay") == 0;
	sigset_t set;
	pid_t first;

	if (argc == 3 && strcmp(argv[1], "--boot") == 0)
		return note_boot(argv[2]);

	argv += 1 + stay;
	if (argc < 4 + stay)
		return 2;

	/* Ctrl-C at a terminal reaches us too; only whoever started us decides when we end. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (!stay)
		prctl(PR_SET_PDEATHSIG, SIGTERM);

	if (leave_the_machine(argv[0]))
		return 1;
	first = fork();
	if (first < 0)
		return die("fork");
	if (first == 0)
		return first_process(argv + 2, &set);
	if (write_pid(argv[1], first))
		kill(first, SIGKILL);

	wait_for_end(first, &set);
	return 0;
}
