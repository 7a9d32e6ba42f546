// The end of a program whose memory has run out where no call can report it.
#include "Border.h"

#ifdef CTORCH_ENGINE

#include <c10/util/Exception.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

namespace {

int32_t exit_status = 0;
char sentence[256];
std::terminate_handler former_terminate = nullptr;
struct sigaction former_abort;

void leave() noexcept {
    if (exit_status == 0) return;
    auto written = write(STDERR_FILENO, sentence, strlen(sentence));
    (void)written;
    _exit(exit_status);
}

// An exception that nothing caught, such as one in a thread of libtorch.
void on_terminate() {
    try {
        if (auto current = std::current_exception()) std::rethrow_exception(current);
    } catch (const std::bad_alloc &) {
        leave();
    } catch (const c10::OutOfMemoryError &) {
        leave();
    } catch (...) {
    }
    if (former_terminate != nullptr) former_terminate();
    std::abort();
}

// Swift's allocator aborts where it is refused memory, but so does much else: the system is asked whether it has any. Only
// calls that are safe in a signal handler.
void on_abort(int signal, siginfo_t *info, void *context) {
    constexpr size_t piece = 64 << 20;
    void *found = mmap(nullptr, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (found == MAP_FAILED) leave();
    else munmap(found, piece);
    sigaction(SIGABRT, &former_abort, nullptr);
    if ((former_abort.sa_flags & SA_SIGINFO) != 0 && former_abort.sa_sigaction != nullptr)
        former_abort.sa_sigaction(signal, info, context);
}

}  // namespace

void ct_exit_when_memory_runs_out(int32_t status, const char *text) {
    strncpy(sentence, text, sizeof sentence - 2);
    strcat(sentence, "\n");
    if (exit_status == 0) {
        former_terminate = std::set_terminate(on_terminate);
        struct sigaction action = {};
        action.sa_sigaction = on_abort;
        action.sa_flags = SA_SIGINFO;
        sigaction(SIGABRT, &action, &former_abort);
    }
    exit_status = status;
}

void ct_memory_ran_out(void) { leave(); }

#endif
