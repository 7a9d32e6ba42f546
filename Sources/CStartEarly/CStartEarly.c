#include "CStartEarly.h"

#include <CStart.h>

#ifdef __linux__

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void end(int status, const char *sentence) {
    ssize_t written = write(STDERR_FILENO, sentence, strlen(sentence));
    (void)written;
    _exit(status);
}

// Initializers of libtorch that are refused memory end the process with a trace of C++, before there is any code of ours to say
// why. They take some 45 MB; EX_OSERR's status 71 is what the program has for memory that ran out.
static void require_memory(void) {
    const size_t needed = (size_t)64 << 20;
    void *found = mmap(NULL, needed, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found != MAP_FAILED) {
        munmap(found, needed);
        return;
    }
    end(71, "fisher: the limit of this process's memory leaves no room to start: raise it, such as with ulimit -v unlimited\n");
}

// Whether the answer may be a text of the command's own declarations, which need no libtorch. Where it turns out to be another
// one, FisherTool starts the program anew.
static int may_ask_for_text(int count, char **arguments) {
    if (count <= 1 || strcmp(arguments[1], "help") == 0) return 1;
    for (int place = 1; place < count && strcmp(arguments[place], "--") != 0; ++place) {
        static const char *const words[] = {"--help", "-h", "--help-hidden", "--version"};
        for (size_t word = 0; word < sizeof words / sizeof *words; ++word) {
            if (strcmp(arguments[place], words[word]) == 0) return 1;
        }
        static const char completion[] = "--generate-completion-script";
        if (strncmp(arguments[place], completion, sizeof completion - 1) == 0) return 1;
    }
    return 0;
}

static char **own_arguments, **own_environment;

static void start_whole_program(int signal) {
    (void)signal;
    cs_start_with_engine(own_arguments, own_environment);
    _exit(70);
}

// A function of libtorch that is called all the same is at address zero.
static void start_whole_program_on_faults(char **arguments, char **environment) {
    own_arguments = arguments;
    own_environment = environment;
    struct sigaction action = {.sa_handler = start_whole_program, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
}

static void start(int count, char **arguments, char **environment) {
    int was_asked_for = cs_forget_engine(environment);
    if (cs_has_engine()) {
        require_memory();
        cs_wait_passively(arguments, environment);
        return;
    }
    if (was_asked_for) end(127, "fisher: libtorch is not where it was when fisher was built, or it cannot be loaded\n");
    if (may_ask_for_text(count, arguments)) {
        start_whole_program_on_faults(arguments, environment);
        return;
    }
    cs_start_with_engine(arguments, environment);
    end(71, "fisher: the program cannot start itself anew with libtorch: run it by its own path, without privileges of its file\n");
}

// These functions of an executable run before the initializers of its libraries. fisher is linked without libtorch, whose
// initializers take a quarter of a second: a program that needs it is started anew after a few milliseconds. A shared library
// can have no such functions, so this is a target apart.
__attribute__((section(".preinit_array"), used)) static void (*const entry)(int, char **, char **) = start;

#endif
