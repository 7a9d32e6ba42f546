#include "CStart.h"

#include <unistd.h>

extern char **environ;

void cs_wait_passively_from_now(char **arguments) { cs_wait_passively(arguments, environ); }

void cs_start_with_engine_from_now(char **arguments) { cs_start_with_engine(arguments, environ); }

#ifdef __linux__

#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

static const char passively[] = "OMP_WAIT_POLICY=passive";
static const char preload[] = "LD_PRELOAD=";
/// Found by the folders that are recorded in the program, like any library that a program is linked with.
static const char engine[] = "libtorch_cpu.so:libc10.so";

/// The number of threads of libtorch, as a name that may be missing.
extern void engine_function(int) __asm__("_ZN2at15set_num_threadsEi") __attribute__((weak));

int cs_has_engine(void) { return engine_function != NULL; }

static int names(const char *entry, const char *name) {
    size_t length = strlen(name);
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static size_t count_of(char **list) {
    size_t count = 0;
    while (list[count] != NULL) ++count;
    return count;
}

static int says_how_to_wait(char **environment) {
    for (; *environment != NULL; ++environment) {
        if (names(*environment, "OMP_WAIT_POLICY") || names(*environment, "GOMP_SPINCOUNT")) return 1;
    }
    return 0;
}

static int can_start_anew(void) {
    // Run by the dynamic loader as a command, the program's file would be the loader's.
    return getauxval(AT_BASE) != 0 && getauxval(AT_SECURE) == 0;
}

static void execute(char **arguments, char **environment) {
    // By its own path the process keeps the name that ps and killall know; a file that was removed has only the link.
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
        execve(path, arguments, environment);
    }
    execve("/proc/self/exe", arguments, environment);
}

/// Memory from the system: the stack might not hold a large environment.
static void *pages(size_t size) {
    void *found = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return found == MAP_FAILED ? NULL : found;
}

void cs_wait_passively(char **arguments, char **environment) {
    if (says_how_to_wait(environment) || !can_start_anew()) return;
    size_t count = count_of(environment);
    char **changed = pages((count + 2) * sizeof(char *));
    if (changed == NULL) return;
    memcpy(changed, environment, count * sizeof(char *));
    changed[count] = (char *)passively;
    execute(arguments, changed);
}

void cs_start_with_engine(char **arguments, char **environment) {
    if (!can_start_anew()) return;
    size_t count = count_of(environment);
    size_t longest = 0;
    for (size_t place = 0; place < count; ++place) {
        if (names(environment[place], "LD_PRELOAD")) longest = strlen(environment[place]);
    }
    char **changed = pages((count + 3) * sizeof(char *) + longest + sizeof preload + sizeof engine);
    if (changed == NULL) return;
    char *text = (char *)(changed + count + 3);
    strcpy(text, preload);
    size_t kept = 0;
    for (size_t place = 0; place < count; ++place) {
        if (!names(environment[place], "LD_PRELOAD")) {
            changed[kept++] = environment[place];
        } else if (environment[place][sizeof preload - 1] != '\0') {
            // The user's own come first: they are there to replace functions of all others.
            strcpy(text, environment[place]);
            strcat(text, ":");
        }
    }
    strcat(text, engine);
    changed[kept++] = text;
    if (!says_how_to_wait(environment)) changed[kept++] = (char *)passively;
    execute(arguments, changed);
}

int cs_forget_engine(char **environment) {
    for (char **entry = environment; *entry != NULL; ++entry) {
        if (!names(*entry, "LD_PRELOAD")) continue;
        size_t length = strlen(*entry);
        size_t own = sizeof engine - 1;
        if (length < own || strcmp(*entry + length - own, engine) != 0) return 0;
        char *end = *entry + length - own;
        if (end[-1] == ':') {
            end[-1] = '\0';
        } else {
            for (; *entry != NULL; ++entry) entry[0] = entry[1];
        }
        return 1;
    }
    return 0;
}

#else

void cs_wait_passively(char **arguments, char **environment) {}

int cs_has_engine(void) { return 1; }

void cs_start_with_engine(char **arguments, char **environment) {}

int cs_forget_engine(char **environment) { return 0; }

#endif
