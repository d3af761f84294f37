// Another name of pmm/chPmm.h, under which programs for version 4 of the original include it. It must hold nothing of its own.
#include "pmm/chPmm.h"
