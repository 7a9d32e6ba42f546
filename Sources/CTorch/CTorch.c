// What Swift imports is the header alone; its functions are in CEngine.
#include "CTorch.h"
