// Random generators that can be saved and restored.
#include "Border.h"

#ifdef CTORCH_ENGINE

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

using namespace ctorch;

ct_generator ct_generator_create(uint64_t seed, int32_t device, int32_t index) {
    return guarded<ct_generator>(nullptr, [&] {
        auto kind = static_cast<c10::DeviceType>(device);
        at::Generator made;
        if (kind == c10::DeviceType::CPU) {
            made = at::detail::createCPUGenerator(seed);
        } else {
            const auto &hooks = at::globalContext().getAcceleratorHooksInterface(kind);
            made = hooks.getNewGenerator(static_cast<c10::DeviceIndex>(index));
            made.set_current_seed(seed);
        }
        return reinterpret_cast<ct_generator>(new at::Generator(std::move(made)));
    });
}

void ct_generator_release(ct_generator handle) { delete reinterpret_cast<at::Generator *>(handle); }

ct_tensor ct_generator_state(ct_generator handle) {
    return guarded<ct_tensor>(nullptr, [&] { return give(generator(handle).get_state()); });
}

ct_status ct_generator_set_state(ct_generator handle, ct_tensor state) {
    return guarded([&] { generator(handle).set_state(borrow(state)); });
}

#endif
