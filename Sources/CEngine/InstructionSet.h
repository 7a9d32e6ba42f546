// The instruction set of the loops that take the place of libtorch's.
#pragma once

#include <cstdlib>
#include <string_view>

#include "CKernels.h"

namespace ctorch {

/// That which SWIFT_FISHER_INSTRUCTION_SET names, or the fastest that this processor has.
inline ck_instruction_set instruction_set() {
    static const ck_instruction_set set = [] {
        const char *variable = std::getenv("SWIFT_FISHER_INSTRUCTION_SET");
        std::string_view name = variable == nullptr ? "" : variable;
        if (name == "baseline") return CK_BASELINE;
        if (name == "haswell" && ck_supports(CK_HASWELL)) return CK_HASWELL;
        for (auto set : {CK_AVX512, CK_HASWELL})
            if (ck_supports(set)) return set;
        return CK_BASELINE;
    }();
    return set;
}

}  // namespace ctorch
