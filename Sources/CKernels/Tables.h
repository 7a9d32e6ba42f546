// The tables of each instruction set that this build has.
#include "CKernels.h"

extern const ck_table *const ck_baseline_tables[2];
extern const ck_activation_table *const ck_baseline_activations[2];
extern const ck_attention_table *const ck_baseline_attention;
extern const ck_outer_table *const ck_baseline_outer_tables[2];
extern const ck_product_table *const ck_baseline_product_tables[2];
extern const ck_combined_table *const ck_baseline_combined_tables[2];
extern const ck_lattice_table *const ck_baseline_lattice_tables[2];
#if defined(__x86_64__)
extern const ck_table *const ck_haswell_tables[2];
extern const ck_activation_table *const ck_haswell_activations[2];
extern const ck_attention_table *const ck_haswell_attention;
extern const ck_outer_table *const ck_haswell_outer_tables[2];
extern const ck_product_table *const ck_haswell_product_tables[2];
extern const ck_combined_table *const ck_haswell_combined_tables[2];
extern const ck_lattice_table *const ck_haswell_lattice_tables[2];
extern const ck_table *const ck_avx512_tables[2];
extern const ck_activation_table *const ck_avx512_activations[2];
extern const ck_attention_table *const ck_avx512_attention;
extern const ck_outer_table *const ck_avx512_outer_tables[2];
extern const ck_product_table *const ck_avx512_product_tables[2];
extern const ck_combined_table *const ck_avx512_combined_tables[2];
extern const ck_lattice_table *const ck_avx512_lattice_tables[2];
#endif
