// How parameters and gradients lie in memory. Defines, for the including file's STORAGE_BFLOAT16:
// Stored, the type of an element; READ(pointer) and WRITE(pointer, vector); and NAME, a name of its own for
// every loop.
#undef Stored
#undef READ
#undef WRITE
#undef NAME
#if STORAGE_BFLOAT16
#define Stored uint16_t
#define NAME(name) name##_bfloat16
#define READ(pointer) \
    ((Floats)(__builtin_convertvector(*(const Halves *)(pointer), Words) << (Words)16))
// To the nearest, ties to even; a NaN stays one.
#define WRITE(pointer, x)                                                                      \
    do {                                                                                       \
        Floats value = (x);                                                                    \
        Words bits = (Words)value;                                                             \
        bits = (bits + (Words)0x7fff + ((bits >> (Words)16) & (Words)1)) >> (Words)16;         \
        bits = value == value ? bits : (Words)0x7fc0;                                          \
        *(Halves *)(pointer) = __builtin_convertvector(bits, Halves);                          \
    } while (0)
#else
#define Stored float
#define NAME(name) name##_float32
#define READ(pointer) LOAD(pointer)
#define WRITE(pointer, x) STORE(pointer, x)
#endif
