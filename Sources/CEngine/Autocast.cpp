// Autocast: matrix products in a narrower type than their operands have.
#include "Border.h"

#ifdef CTORCH_ENGINE

#include <ATen/autocast_mode.h>

using namespace ctorch;

namespace {

/// The devices whose operators are cast, in the order of a ct_autocast.
constexpr c10::DeviceType devices[] = {c10::kCPU, c10::kCUDA};

/// How many of them there are here.
int device_count() {
    static const int count = ct_cuda_device_count() > 0 ? 2 : 1;
    return count;
}

}  // namespace

int32_t ct_autocast_type(void) {
    if (!at::autocast::is_autocast_enabled(c10::kCPU)) return -1;
    return static_cast<int32_t>(at::autocast::get_autocast_dtype(c10::kCPU));
}

ct_autocast ct_autocast_begin(int32_t type) {
    ct_autocast before = {};
    before.caches = at::autocast::is_autocast_cache_enabled();
    for (int k = 0; k < device_count(); ++k) {
        before.enabled[k] = at::autocast::is_autocast_enabled(devices[k]);
        before.types[k] = static_cast<int32_t>(at::autocast::get_autocast_dtype(devices[k]));
        at::autocast::set_autocast_enabled(devices[k], type >= 0);
        if (type >= 0) at::autocast::set_autocast_dtype(devices[k], static_cast<at::ScalarType>(type));
    }
    at::autocast::set_autocast_cache_enabled(true);
    // Where nothing is cast, weights may be moved.
    if (type < 0) at::autocast::clear_cache();
    at::autocast::increment_nesting();
    return before;
}

void ct_autocast_end(ct_autocast before) {
    // The next scope casts the weights as they are then.
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    for (int k = 0; k < device_count(); ++k) {
        at::autocast::set_autocast_enabled(devices[k], before.enabled[k]);
        at::autocast::set_autocast_dtype(devices[k], static_cast<at::ScalarType>(before.types[k]));
    }
    at::autocast::set_autocast_cache_enabled(before.caches);
}

#endif
