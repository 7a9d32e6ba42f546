#include "CStart.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

#ifdef __linux__

#include <limits.h>
#include <sys/auxv.h>

static bool is_decided(void) { return getenv("OMP_WAIT_POLICY") != NULL || getenv("GOMP_SPINCOUNT") != NULL; }

void cs_wait_passively(void) {
    if (!is_decided()) setenv("OMP_WAIT_POLICY", "passive", 1);
}

void cs_wait_passively_from_now(char **arguments) {
    if (is_decided()) return;
    // Run by the dynamic loader as a command, the program's file would be the loader's.
    if (getauxval(AT_BASE) == 0 || getauxval(AT_SECURE) != 0) return;
    size_t count = 0;
    while (environ[count] != NULL) ++count;
    // Beyond any usual environment the stack might not hold its copy.
    if (count > 20000) return;
    char *changed[count + 2];
    memcpy(changed, environ, count * sizeof(char *));
    changed[count] = "OMP_WAIT_POLICY=passive";
    changed[count + 1] = NULL;
    // By its own path the process keeps the name that ps and killall know; a file that was removed has only the link.
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
        execve(path, arguments, changed);
    }
    execve("/proc/self/exe", arguments, changed);
}

#else

void cs_wait_passively(void) {}
void cs_wait_passively_from_now(char **arguments) {}

#endif
