// Version, threads, and the one parallel loop.
#include "Border.h"

#ifdef CTORCH_ENGINE

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>
#ifdef __APPLE__
#include <dispatch/dispatch.h>
#else
#include <sched.h>
#endif

using namespace ctorch;

void ct_keep_freed_memory(void) {
#ifdef __GLIBC__
    // Up to 32 MiB, the most that is allowed, come from the heap, whose end is given back to the system beyond 2 GiB only.
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, INT32_MAX);
#endif
}

const char *ct_engine_version(void) {
    static const std::string version = [] {
        // Asked of the library that is loaded: the headers name only the one compiled against.
        auto query = reinterpret_cast<uint64_t (*)()>(dlsym(RTLD_DEFAULT, "aoti_torch_abi_version"));
        if (query == nullptr) return std::string("of an unknown version");
        auto packed = query();
        std::string text = std::to_string(packed >> 56);
        for (int shift : {48, 40}) text += "." + std::to_string((packed >> shift) & 0xff);
        return text;
    }();
    return version.c_str();
}

const char *ct_engine_headers_version(void) { return TORCH_VERSION; }

const char *ct_engine_folder(void) {
    static const std::string folder = [] {
        Dl_info found;
        if (dladdr(reinterpret_cast<const void *>(&at::get_num_threads), &found) == 0) return std::string();
        std::string path = found.dli_fname;
        for (int level = 0; level < 2; ++level) {
            auto slash = path.rfind('/');
            if (slash == std::string::npos) return std::string();
            path.erase(slash);
        }
        return path;
    }();
    return folder.empty() ? nullptr : folder.c_str();
}

const char *ct_instruction_set(void) {
    static const std::string name = guarded<std::string>("unknown", [] { return at::get_cpu_capability(); });
    return name.c_str();
}

int32_t ct_thread_count(void) { return at::get_num_threads(); }
void ct_set_thread_count(int32_t count) { at::set_num_threads(count); }

int32_t ct_processor_count(void) { return static_cast<int32_t>(sysconf(_SC_NPROCESSORS_ONLN)); }

int32_t ct_may_use_processor(int32_t number) {
#ifdef __APPLE__
    return 0;
#else
    // The system refuses a set that is smaller than its own.
    constexpr size_t most = 4096;
    if (number < 0 || number >= static_cast<int32_t>(most)) return 0;
    static const auto set = [] {
        std::vector<unsigned char> bits(most / 8);
        if (sched_getaffinity(0, bits.size(), reinterpret_cast<cpu_set_t *>(bits.data())) != 0) bits.assign(bits.size(), 0);
        return bits;
    }();
    return CPU_ISSET_S(number, set.size(), reinterpret_cast<const cpu_set_t *>(set.data())) ? 1 : 0;
#endif
}

namespace {

struct Loop {
    int64_t count, piece, pieces;
    ct_body body;
    void *context;
    std::atomic<int64_t> taken{0};
    std::atomic<int32_t> threads{0};

    void run(int64_t number) {
        int64_t begin = number * piece;
        int64_t end = std::min(count, begin + piece);
        if (begin < end) body(context, begin, end, static_cast<int32_t>(number));
    }
};

#if !defined(__APPLE__) || defined(CT_PARALLEL_BY_THREADS)
using Region = void (*)(void *);
using Parallel = void (*)(Region, void *, unsigned, unsigned);

void region(void *argument) {
    auto &loop = *static_cast<Loop *>(argument);
    bool took_part = false;
    // The team may be smaller than asked for, so pieces are taken until none is left.
    for (int64_t number; (number = loop.taken.fetch_add(1)) < loop.pieces; took_part = true) loop.run(number);
    if (took_part) loop.threads.fetch_add(1);
}
#endif

}  // namespace

// at::parallel_for is a header template and silently serial in a compiler without OpenMP, which Swift's
// clang is; so the loop enters the pool of libtorch's own OpenMP runtime by its entry point.
int32_t ct_parallel_for(int64_t count, int64_t grain, ct_body body, void *context) {
    if (count <= 0) return 0;
    int64_t wanted = (count + std::max<int64_t>(grain, 1) - 1) / std::max<int64_t>(grain, 1);
    int64_t pieces = std::clamp<int64_t>(wanted, 1, at::get_num_threads());
    Loop loop{count, (count + pieces - 1) / pieces, pieces, body, context};
    if (pieces == 1) {
        loop.run(0);
        return 1;
    }
#if defined(CT_PARALLEL_BY_THREADS)
    // For the thread sanitizer, which cannot see what OpenMP's runtime waits for.
    std::vector<std::thread> team;
    for (int64_t k = 1; k < pieces; ++k) team.emplace_back(region, &loop);
    region(&loop);
    for (auto &thread : team) thread.join();
    return loop.threads.load();
#elif defined(__APPLE__)
    dispatch_apply_f(static_cast<size_t>(pieces), DISPATCH_APPLY_AUTO, &loop, [](void *argument, size_t number) {
        static_cast<Loop *>(argument)->run(static_cast<int64_t>(number));
    });
    return static_cast<int32_t>(pieces);
#else
    static const auto parallel = reinterpret_cast<Parallel>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
    if (parallel == nullptr) {
        for (int64_t number = 0; number < pieces; ++number) loop.run(number);
        return 1;
    }
    parallel(region, &loop, static_cast<unsigned>(pieces), 0);
    return loop.threads.load();
#endif
}

#endif
