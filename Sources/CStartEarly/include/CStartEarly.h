#pragma once

// A program that links this target waits passively from its start: see CStart.h. It declares nothing.
