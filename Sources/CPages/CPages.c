// What Swift imports is the header alone; its functions are in PageServer.
#include "CPages.h"
