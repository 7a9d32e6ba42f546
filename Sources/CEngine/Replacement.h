// Replacing kernels of libtorch's operators on the CPU.
#pragma once

#include "Border.h"

#ifdef CTORCH_ENGINE

#include <c10/util/Exception.h>
#include <torch/library.h>

namespace ctorch {

/// Says nothing of kernels that are replaced, which is on purpose.
struct Silence : c10::WarningHandler {
    void process(const c10::Warning &) override {}
};

/// Gives `replace` the operators' library; for the initialization of a constant, while the program is loaded.
template <typename Replace>
bool replacing_kernels(const char *file, uint32_t line, Replace &&replace) {
    Silence silence;
    c10::WarningUtils::WarningHandlerGuard guard(&silence);
    // It lasts as long as the process: operators may still run while others are torn down.
    auto *library = new torch::Library(torch::Library::IMPL, "aten", c10::DispatchKey::CPU, file, line);
    replace(*library);
    return true;
}

}  // namespace ctorch

#endif
