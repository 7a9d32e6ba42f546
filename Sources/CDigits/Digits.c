// The data are part of the program, so that one that was moved or installed alone still has them: a resource
// bundle is a second folder that must move along.
#include "CDigits.h"

// Clang embeds in every version of C, and would say that the others have no such directive.
#pragma clang diagnostic ignored "-Wc23-extensions"
static const char text[] = {
#embed "digits.txt"
};

const char *fisher_digits_text(void) { return text; }

size_t fisher_digits_size(void) { return sizeof text; }

static const unsigned char features[] = {
#embed "features.bin"
};

const unsigned char *fisher_digits_features(void) { return features; }

size_t fisher_digits_features_size(void) { return sizeof features; }
