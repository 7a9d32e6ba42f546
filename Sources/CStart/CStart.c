#include "CStart.h"

#include <unistd.h>

extern char **environ;

void cs_wait_passively_from_now(char **arguments) { cs_wait_passively(arguments, environ); }

#ifdef __linux__

#include <limits.h>
#include <string.h>
#include <sys/auxv.h>

static int names(const char *entry, const char *name) {
    size_t length = strlen(name);
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

void cs_wait_passively(char **arguments, char **environment) {
    size_t count = 0;
    for (; environment[count] != NULL; ++count) {
        if (names(environment[count], "OMP_WAIT_POLICY") || names(environment[count], "GOMP_SPINCOUNT")) return;
    }
    // Run by the dynamic loader as a command, the program's file would be the loader's.
    if (getauxval(AT_BASE) == 0 || getauxval(AT_SECURE) != 0) return;
    // Beyond any usual environment the stack might not hold its copy.
    if (count > 20000) return;
    char *changed[count + 2];
    memcpy(changed, environment, count * sizeof(char *));
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

void cs_wait_passively(char **arguments, char **environment) {}

#endif
