// Elementwise passes over two arrays.
//
// Included once for each type of numbers, with Real and OUTER(name) defined, and once for each instruction set, with
// VECTOR_BYTES defined.
typedef Real OUTER(Several) __attribute__((ext_vector_type(VECTOR_BYTES / sizeof(Real)), aligned(sizeof(Real))));

#define WIDTH ((int64_t)(VECTOR_BYTES / sizeof(Real)))
#define SEVERAL_AT(pointer) (*(OUTER(Several) *)(pointer))

// Makes whole vectors of the result by `ONE`, and those that are left by way of a vector filled up with zeros.
#define FOR_EACH_VECTOR(ONE)                                                                  \
    int64_t whole = count / WIDTH * WIDTH, rest = count - whole;                              \
    for (int64_t k = 0; k < whole; k += WIDTH) ONE(result + k, x + k, y + k);                 \
    if (rest > 0) {                                                                           \
        Real last_x[WIDTH] = {0}, last_y[WIDTH] = {0};                                        \
        memcpy(last_x, x + whole, (size_t)rest * sizeof(Real));                               \
        memcpy(last_y, y + whole, (size_t)rest * sizeof(Real));                               \
        ONE(last_x, last_x, last_y);                                                          \
        memcpy(result + whole, last_x, (size_t)rest * sizeof(Real));                          \
    }

static void OUTER(combine)(
    const void *first, double take, const void *second, double keep, void *results, int64_t count) {
    const Real *x = first, *y = second;
    Real *result = results, taken = (Real)take, kept = (Real)keep;
#define ONE(to, a, b) SEVERAL_AT(to) = SEVERAL_AT(a) * taken + SEVERAL_AT(b) * kept
    FOR_EACH_VECTOR(ONE)
#undef ONE
}

// Comparisons in place of minimum and maximum: a NaN remains one.
static void OUTER(divide)(
    const void *numbers, const void *divisors, double damping, void *results, int64_t count) {
    const Real *x = numbers, *y = divisors;
    Real *result = results, added = (Real)damping;
    const OUTER(Several) least = sizeof(Real) == 4 ? (Real)FLT_MIN : (Real)DBL_MIN;
    const OUTER(Several) greatest = sizeof(Real) == 4 ? (Real)FLT_MAX : (Real)DBL_MAX;
#define ONE(to, a, b)                                              \
    do {                                                           \
        OUTER(Several) d = SEVERAL_AT(b) + added;                  \
        OUTER(Several) q = SEVERAL_AT(a) / (d < least ? least : d); \
        q = q > greatest ? greatest : q;                           \
        q = q < -greatest ? -greatest : q;                         \
        SEVERAL_AT(to) = d == 0 ? (OUTER(Several))0 : q;           \
    } while (0)
    FOR_EACH_VECTOR(ONE)
#undef ONE
}

static const ck_combined_table OUTER(combined_table) = {.combine = OUTER(combine), .divide = OUTER(divide)};

#undef FOR_EACH_VECTOR
#undef SEVERAL_AT
#undef WIDTH
