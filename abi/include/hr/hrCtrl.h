// Another name of hr/hr.h, under which programs for the original may include it. It must hold nothing of its own.
#include "hr.h"
