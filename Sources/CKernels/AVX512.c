// The loops for x86-64 processors with AVX-512.
#include "Tables.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,fma"))), apply_to = function)
// Two vectors side by side: the chains of a power are twice as long as the processor looks ahead for.
#define LANES 32
#include "Loops.h"
#define TILE_ROWS 8
#include "Attention.h"
#define VECTOR_BYTES 64
#define VECTORS 4
#define TERM_ROWS 3
#define PRODUCT_ROWS 12
#define PRODUCT_VECTORS 2
#include "Outers.h"
#include "Lattices.h"
#pragma clang attribute pop

const ck_table *const ck_avx512_tables[2] = {&table_float32, &table_bfloat16};
const ck_activation_table *const ck_avx512_activations[2] = {
    &activation_table_float32, &activation_table_bfloat16};
const ck_attention_table *const ck_avx512_attention = &attention_table;
const ck_outer_table *const ck_avx512_outer_tables[2] = {&outer_table_of_float32, &outer_table_of_float64};
const ck_product_table *const ck_avx512_product_tables[2] = {
    &product_table_of_float32, &product_table_of_float64};
const ck_combined_table *const ck_avx512_combined_tables[2] = {
    &combined_table_of_float32, &combined_table_of_float64};
const ck_lattice_table *const ck_avx512_lattice_tables[2] = {
    &lattice_table_of_float32, &lattice_table_of_float64};
#endif
