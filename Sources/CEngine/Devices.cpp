// Devices beside the CPU: what there is, its name, and waiting for it.
#include "Border.h"

#ifdef CTORCH_ENGINE

#include <ATen/Context.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <string>

#include "Devices.h"

using namespace ctorch;

namespace {

struct Driver {
    int cards = 0;
    int (*device)(int *, int) = nullptr;
    int (*name)(char *, int, int) = nullptr;
    int (*attribute)(int *, int, int) = nullptr;
    int (*memory)(size_t *, int) = nullptr;
};

/// NVIDIA's driver, of which a program can ask what cards there are before it loads libraries of gigabytes.
const Driver &driver() {
    static const Driver found = [] {
        Driver driver;
        void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
        if (library == nullptr) return driver;
        auto begin = reinterpret_cast<int (*)(unsigned)>(dlsym(library, "cuInit"));
        auto count = reinterpret_cast<int (*)(int *)>(dlsym(library, "cuDeviceGetCount"));
        driver.device = reinterpret_cast<int (*)(int *, int)>(dlsym(library, "cuDeviceGet"));
        driver.name = reinterpret_cast<int (*)(char *, int, int)>(dlsym(library, "cuDeviceGetName"));
        driver.attribute = reinterpret_cast<int (*)(int *, int, int)>(dlsym(library, "cuDeviceGetAttribute"));
        driver.memory = reinterpret_cast<int (*)(size_t *, int)>(dlsym(library, "cuDeviceTotalMem_v2"));
        if (begin == nullptr || count == nullptr || begin(0) != 0 || count(&driver.cards) != 0) driver.cards = 0;
        return driver;
    }();
    return found;
}

struct Loaded {
    bool exists = false;
    std::string obstacle;
};

/// libtorch's CUDA library, which registers itself when it is loaded; linking it would make it a requirement.
const Loaded &cuda_library() {
    static const Loaded found = [] {
        Loaded loaded;
        std::string path = "libtorch_cuda.so";
        if (const char *folder = ct_engine_folder()) path = std::string(folder) + "/lib/" + path;
        loaded.exists = access(path.c_str(), R_OK) == 0;
        if (!loaded.exists) return loaded;
        if (dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
            const char *reason = dlerror();
            loaded.obstacle = reason == nullptr ? "it cannot be loaded" : reason;
        }
        return loaded;
    }();
    return found;
}

}  // namespace

void ctorch::load_accelerators() {
    static std::once_flag once;
    std::call_once(once, [] {
        if (driver().cards > 0) cuda_library();
    });
}

int32_t ct_cuda_device_count(void) {
    if (driver().cards == 0 || !cuda_library().exists || !cuda_library().obstacle.empty()) return 0;
    return guarded<int32_t>(0, [] { return static_cast<int32_t>(at::detail::getCUDAHooks().deviceCount()); });
}

bool ct_engine_has_cuda(void) { return cuda_library().exists; }

const char *ct_cuda_obstacle(void) {
    return cuda_library().obstacle.empty() ? nullptr : cuda_library().obstacle.c_str();
}

const char *ct_cuda_kernels_path(void) {
    static const std::string path = [] {
        if (const char *named = std::getenv("FISHER_CUDA_KERNELS"); named != nullptr && *named != 0) return std::string(named);
        const char *folder = ct_engine_folder();
        return std::string(folder == nullptr ? "." : folder) + "/lib/libfisher_cuda.so";
    }();
    return path.c_str();
}

int32_t ct_driver_card_count(void) { return driver().cards; }

bool ct_cuda_card(int32_t number, char *name, int32_t capacity, int64_t *bytes, int32_t *major, int32_t *minor) {
    const auto &driver = ::driver();
    int device = 0, high = 0, low = 0;
    size_t total = 0;
    // 75 and 76 are the attributes of the compute capability in the driver's stable interface.
    if (driver.device == nullptr || driver.name == nullptr || driver.attribute == nullptr || driver.memory == nullptr ||
        number >= driver.cards || driver.device(&device, number) != 0 || driver.name(name, capacity, device) != 0 ||
        driver.attribute(&high, 75, device) != 0 || driver.attribute(&low, 76, device) != 0 ||
        driver.memory(&total, device) != 0)
        return false;
    *bytes = static_cast<int64_t>(total);
    *major = high;
    *minor = low;
    return true;
}

int32_t ct_registered_device_count(void) {
    auto *guard = c10::impl::device_guard_impl_registry[static_cast<size_t>(c10::DeviceType::PrivateUse1)].load();
    return guard == nullptr ? 0 : guard->deviceCount();
}

ct_status ct_device_synchronize(int32_t device, int32_t index) {
    return guarded([&] {
        auto kind = static_cast<c10::DeviceType>(device);
        c10::impl::getDeviceGuardImpl(kind)->synchronizeDevice(static_cast<c10::DeviceIndex>(index));
    });
}

#endif
