#pragma once

// The functions of CTorch.h, in C++ on libtorch. A program links this target, or in its place CEngineOnDemand, which opens it as a
// library when the first of them is called. It declares nothing of its own.
