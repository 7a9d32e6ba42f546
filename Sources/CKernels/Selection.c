// Which tables this processor can use.
#include "Tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

bool ck_supports(ck_instruction_set set) {
    switch (set) {
        case CK_BASELINE: return true;
#if defined(__x86_64__)
        case CK_HASWELL: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case CK_AVX512: return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma");
#endif
        default: return false;
    }
}

const ck_table *ck_table_for(ck_instruction_set set, bool bfloat16) {
#if defined(__x86_64__)
    if (set == CK_HASWELL) return ck_haswell_tables[bfloat16];
    if (set == CK_AVX512) return ck_avx512_tables[bfloat16];
#endif
    return ck_baseline_tables[bfloat16];
}

void ck_pause(void) {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
