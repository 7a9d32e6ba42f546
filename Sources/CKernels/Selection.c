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

const ck_activation_table *ck_activations_for(ck_instruction_set set, bool bfloat16) {
#if defined(__x86_64__)
    if (set == CK_HASWELL) return ck_haswell_activations[bfloat16];
    if (set == CK_AVX512) return ck_avx512_activations[bfloat16];
#endif
    return ck_baseline_activations[bfloat16];
}

const ck_attention_table *ck_attention_for(ck_instruction_set set) {
#if defined(__x86_64__)
    if (set == CK_HASWELL) return ck_haswell_attention;
    if (set == CK_AVX512) return ck_avx512_attention;
#endif
    return ck_baseline_attention;
}

const ck_outer_table *ck_outer_table_for(ck_instruction_set set, bool float64) {
#if defined(__x86_64__)
    if (set == CK_HASWELL) return ck_haswell_outer_tables[float64];
    if (set == CK_AVX512) return ck_avx512_outer_tables[float64];
#endif
    return ck_baseline_outer_tables[float64];
}

const ck_product_table *ck_product_table_for(ck_instruction_set set, bool float64) {
#if defined(__x86_64__)
    if (set == CK_HASWELL) return ck_haswell_product_tables[float64];
    if (set == CK_AVX512) return ck_avx512_product_tables[float64];
#endif
    return ck_baseline_product_tables[float64];
}

const ck_combined_table *ck_combined_table_for(ck_instruction_set set, bool float64) {
#if defined(__x86_64__)
    if (set == CK_HASWELL) return ck_haswell_combined_tables[float64];
    if (set == CK_AVX512) return ck_avx512_combined_tables[float64];
#endif
    return ck_baseline_combined_tables[float64];
}

const ck_lattice_table *ck_lattice_table_for(ck_instruction_set set, bool float64) {
#if defined(__x86_64__)
    if (set == CK_HASWELL) return ck_haswell_lattice_tables[float64];
    if (set == CK_AVX512) return ck_avx512_lattice_tables[float64];
#endif
    return ck_baseline_lattice_tables[float64];
}

int64_t ck_lattice_scratch(const ck_lattice *lattice) { return 4 * lattice->frames * (lattice->labels + 1); }

int64_t ck_outer_scratch(const ck_outer *job, bool float64) {
    int64_t size = float64 ? 8 : 4, panel = CK_OUTER_PANEL_BYTES / size;
    int64_t packed = job->depth * (CK_OUTER_ROWS + panel) * (job->squared == CK_EACH_TERM ? 2 : 1);
    return (2 * CK_OUTER_ROWS * panel + packed) * size;
}

int64_t ck_attention_scratch(const ck_attention *job) {
    int64_t keys = (job->keys + 31) / 32 * 32, width = (job->width + 31) / 32 * 32;
    return 5 * keys * width + CK_ATTENTION_QUERIES * (2 * (keys + 32) + 3 * width);
}

int64_t ck_lookups_scratch(const ck_lookups *job, int64_t columns, bool float64) {
    return (job->entries + 15) / 16 * 64 + job->positions * columns * (float64 ? 8 : 4);
}

void ck_pause(void) {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
