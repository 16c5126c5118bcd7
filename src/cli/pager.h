/*
 * cli/pager.h - the pager: which one, its start and its end.
 */
#ifndef RAMETI_CLI_PAGER_H
#define RAMETI_CLI_PAGER_H

#include <sys/types.h>

/* pager ($PAGER) as it is, or when that is NULL "less" if path ($PATH) has it. NULL: print without
 * one, also for an empty $PAGER and "cat". */
const char *pager_choose(const char *pager, const char *path);
/* Start it; *fd becomes the pipe into it. 0 if that failed: *fd untouched. */
pid_t pager_start(const char *pager, int *fd);
/* Close the pipe and wait until the person is done. */
void pager_wait(pid_t pager, int fd);

#endif
