// Elementwise passes over two arrays.
//
// Included once for each type of numbers, with Real, OUTER(name) and its Vector defined, and once for each instruction set.

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
#define ONE(to, a, b) VECTOR_AT(to) = VECTOR_AT(a) * taken + VECTOR_AT(b) * kept
    FOR_EACH_VECTOR(ONE)
#undef ONE
}

// Comparisons in place of minimum and maximum: a NaN remains one.
static void OUTER(divide)(
    const void *numbers, const void *divisors, double damping, void *results, int64_t count) {
    const Real *x = numbers, *y = divisors;
    Real *result = results, added = (Real)damping;
    const OUTER(Vector) least = sizeof(Real) == 4 ? (Real)FLT_MIN : (Real)DBL_MIN;
    const OUTER(Vector) greatest = sizeof(Real) == 4 ? (Real)FLT_MAX : (Real)DBL_MAX;
#define ONE(to, a, b)                                             \
    do {                                                          \
        OUTER(Vector) d = VECTOR_AT(b) + added;                   \
        OUTER(Vector) q = VECTOR_AT(a) / (d < least ? least : d); \
        q = q > greatest ? greatest : q;                          \
        q = q < -greatest ? -greatest : q;                        \
        VECTOR_AT(to) = d == 0 ? (OUTER(Vector))0 : q;            \
    } while (0)
    FOR_EACH_VECTOR(ONE)
#undef ONE
}

static const ck_combined_table OUTER(combined_table) = {.combine = OUTER(combine), .divide = OUTER(divide)};

#undef FOR_EACH_VECTOR
