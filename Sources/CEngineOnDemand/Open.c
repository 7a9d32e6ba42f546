// Opening the library FisherEngine, and functions that pass their arguments to those of the same names in it.
#include "CEngineOnDemand.h"

#include <CPages.h>
#include <CTorch.h>

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LIBRARY "libFisherEngine.so"

// The places of the functions in what follows.
#define CD_FORWARD(result, name, parameters, arguments) place_of_##name,
enum {
#include "Functions.h"
    function_count
};
#undef CD_FORWARD

static const char *const names[function_count] = {
#define CD_FORWARD(result, name, parameters, arguments) #name,
#include "Functions.h"
#undef CD_FORWARD
};

static _Atomic(void *) functions[function_count];

// The statuses of FisherCommand's ExitStatus.
enum { engine_missing = 69, out_of_memory = 71 };

static _Noreturn void end(int status, const char *what, const char *reason, const char *advice) {
    fprintf(stderr, "fisher: %s%s%s%s\n", what, *reason == 0 ? "" : ": ", reason, advice);
    _exit(status);
}

// Initializers of libtorch that are refused memory end the process with a trace of C++. Its libraries take 350 MB of addresses,
// the initializers 50.
static void require_memory(void) {
    const size_t needed = (size_t)416 << 20;
    void *found = mmap(NULL, needed, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found == MAP_FAILED) {
        end(out_of_memory, "the limit of this process's memory leaves no room for libtorch", "",
            ": raise it, such as with ulimit -v unlimited");
    }
    munmap(found, needed);
}

static void open_library(void) {
    static const char advice[] = "; 'make build' builds both, as does 'swift build' without --product";
    require_memory();
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof LIBRARY);
    if (length <= 0) end(engine_missing, "the system does not tell where this program lies", strerror(errno), "");
    path[length] = 0;
    char *name = strrchr(path, '/');
    strcpy(name == NULL ? path : name + 1, LIBRARY);
    if (access(path, F_OK) != 0) end(engine_missing, path, "this part of the program is not there", advice);
    // Globally: libtorch's own libraries for cards, and those that a user's libraries are linked with, look for its symbols.
    void *library = dlopen(path, RTLD_LAZY | RTLD_GLOBAL);
    if (library == NULL) {
        const char *reason = dlerror();
        end(engine_missing, "libtorch cannot be opened", reason == NULL ? path : reason, advice);
    }
    for (int place = 0; place < function_count; ++place) {
        void *function = dlsym(library, names[place]);
        if (function == NULL) end(engine_missing, path, "it is of another version than the program", advice);
        atomic_store_explicit(&functions[place], function, memory_order_release);
    }
}

static void *function_at(int place) {
    void *function = atomic_load_explicit(&functions[place], memory_order_acquire);
    if (function == NULL) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        pthread_once(&once, open_library);
        function = atomic_load_explicit(&functions[place], memory_order_acquire);
    }
    return function;
}

#define CD_FORWARD(result, name, parameters, arguments) \
    result name parameters { return ((__typeof__(&name))function_at(place_of_##name)) arguments; }
#include "Functions.h"
#undef CD_FORWARD
