// The loops for x86-64 processors with AVX-512.
#include "Tables.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,fma"))), apply_to = function)
#include "Loops.h"
#pragma clang attribute pop

const ck_table *const ck_avx512_tables[2] = {&table_float32, &table_bfloat16};
#endif
