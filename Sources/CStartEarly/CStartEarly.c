#include "CStartEarly.h"

#include <CStart.h>

#ifdef __linux__

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// Initializers of libtorch that are refused memory end the process with a trace of C++, before there is any code of ours to say
// why. They take some 45 MB; EX_OSERR's status 71 is what the program has for memory that ran out.
static void require_memory(void) {
    const size_t needed = (size_t)64 << 20;
    void *found = mmap(NULL, needed, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found != MAP_FAILED) {
        munmap(found, needed);
        return;
    }
    static const char sentence[] =
        "fisher: the limit of this process's memory leaves no room to start: raise it, such as with ulimit -v unlimited\n";
    ssize_t written = write(STDERR_FILENO, sentence, strlen(sentence));
    (void)written;
    _exit(71);
}

static void start(int count, char **arguments, char **environment) {
    (void)count;
    require_memory();
    cs_wait_passively(arguments, environment);
}

// These functions of an executable run before the initializers of its libraries, of which those of libtorch take a quarter
// of a second: what is started anew has cost a few milliseconds. A shared library can have none, so this is a target apart.
__attribute__((section(".preinit_array"), used)) static void (*const entry)(int, char **, char **) = start;

#endif
