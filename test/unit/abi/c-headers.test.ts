// The headers for C against the constants they repeat: a C and a C++ program that assert every number and offset, made from the values in
// abi/, and a program that uses every function, whose imports have to be those that there are. A constant without a rule is a failure.
import { describe, expect, it } from 'vitest';
import * as errors from '#abi/errors.js';
import * as hr from '#abi/hr.js';
import * as pmm from '#abi/pmm.js';
import { readText } from '#test/style/source-tree.js';
import { compileText } from '#test/support/c-compiler.js';

/** Where a constant has no C name of its own: what it is in C. */
const EXPRESSIONS: Readonly<Record<string, string>> = {
  AC_PARAM_FLAGS_OFFSET: 'offsetof(AcParam, acFlags)',
  AC_PARAM_FIRST_PATH_OFFSET: 'offsetof(AcParam, acStdin)',
  AC_PARAM_PATH_COUNT: '(offsetof(AcParam, acCred) - offsetof(AcParam, acStdin)) / sizeof(char *)',
  AC_PARAM_CRED_OFFSET: 'offsetof(AcParam, acCred)',
  AC_PARAM_SIZE: 'sizeof(AcParam)',
  CX_CRED_UID_OFFSET: 'offsetof(cx_cred_t, cr_uid)',
  CX_CRED_GID_OFFSET: 'offsetof(cx_cred_t, cr_gid)',
  CX_CRED_NGROUPS_OFFSET: 'offsetof(cx_cred_t, cr_ngroups)',
  CX_CRED_GROUPS_OFFSET: 'offsetof(cx_cred_t, cr_groups)',
  CX_CRED_SIZE: 'sizeof(cx_cred_t)',
  KN_CAP_SIZE: 'sizeof(KnCap)',
  PMM_MEDIUM_OFFSET: 'offsetof(PmmName, medium)',
  PMM_NAME_OFFSET: 'offsetof(PmmName, name)',
  PMM_NAME_STRUCT_SIZE: 'sizeof(PmmName)',
};

/** Names of imports and exports, which the program below shows, and a prefix that C programs have no use for. */
const NOT_IN_C = [
  'HR_MODULE',
  'PMM_MODULE',
  'EXPORT_COMMAND_ENTRY',
  'EXPORT_REACTOR_ENTRY',
  'EXPORT_RESTARTED',
  'EXPORT_STACK_POINTER',
  'SYSTEM_PREFIX',
];

const CONSTANTS = Object.entries({ ...errors, ...hr, ...pmm }).filter(([name]) => !NOT_IN_C.includes(name));

function assertion([name, value]: readonly [string, number | string]): string {
  const expression = EXPRESSIONS[name] ?? name;
  if (typeof value === 'number')
    return `REKINDLE_STATIC_ASSERT((long)(${expression}) == ${value}, "${name}");`;
  return `REKINDLE_STATIC_ASSERT(__builtin_strcmp(${expression}, "${value}") == 0, "${name}");`;
}

const program = (constants: readonly (readonly [string, number | string])[]): string =>
  ['#include <hr/hr.h>', '#include <pmm/chPmm.h>', ...constants.map(assertion)].join('\n');

const EVERY_CALL = `
  #include <chPmm.h>
  #include <hr/hr.h>
  #include <hr/hrCtrl.h>
  #include <pmm/chPmm.h>
  int main(int argc, char **argv) {
    PmmName name = {PMM_MEDIUM_RAM, "NAME"};
    VmAddr address;
    const char *list[] = {"a", 0};
    const char *const constant[] = {"a", 0};
    int sum = agetId() + hrGetprocessGroup(argc) + hrGetActorGroup(argc) + hrKillGroup(argc) + hrCheckpoint() + HR_EXIT_HDL();
    sum += hrfexecv(&name, "a", 0, 0, argv) + hrfexecv(&name, "a", 0, 0, list) + hrfexecv(&name, "a", 0, 0, 0);
    sum += hrfexecve(&name, "a", 0, 0, argv, constant) + hrfexecvp(&name, "a", 0, 0, argv);
    sum += hrfexecl(&name, "a", 0, 0, "a", (char *)0) + hrfexeclp(&name, "a", 0, 0, "a", (char *)0);
    sum += hrfexecle(&name, "a", 0, 0, "a", (char *)0, list);
    sum += pmmAllocate(&address, &name, 1, HR_GROUP_KEY, HR_GROUP_KEYSIZE) + pmmFree(&name) + pmmFreeAll("KEY", sizeof("KEY"));
    return sum;
  }
  void hr_restarted(int cause) { exit(cause); }`;

describe.each(['c', 'cc'])('abi/include, from .%s', (extension) => {
  it('has every constant and offset of abi/ with its value', async () => {
    expect(CONSTANTS.length).toBeGreaterThan(50);
    await compileText(`test/guests/constants.${extension}`, 'reactor', program(CONSTANTS));
  });

  it('is held to it: another value does not compile', async () => {
    const wrong = [
      ['E2BIG', errors.E2BIG + 1],
      ['PMM_NAME_OFFSET', pmm.PMM_NAME_OFFSET + 1],
      ['PMM_MEDIUM_RAM', 'ROM'],
    ] as const;
    const compiled = compileText(`test/guests/constants.${extension}`, 'reactor', program(wrong));
    const complaint = await compiled.then(
      () => '',
      (error: unknown) => String(error),
    );
    for (const [name] of wrong) expect(complaint).toContain(name);
  });

  it('declares every call, with the names and types that the host provides', async () => {
    const binary = await compileText(`test/guests/calls.${extension}`, 'command', EVERY_CALL);
    const module = new WebAssembly.Module(binary);
    const imported = WebAssembly.Module.imports(module).filter(
      ({ module: from }) => from !== 'wasi_snapshot_preview1',
    );
    const declared = [hr.HR_MODULE, pmm.PMM_MODULE].flatMap((from) =>
      [...readText(`abi/assemblyscript/imports/${from}.ts`).matchAll(/declare function (\w+)/g)].map(
        ([, name = '']) => `${from}.${name}`,
      ),
    );
    expect(imported.map(({ module: from, name }) => `${from}.${name}`).sort()).toEqual(declared.sort());
    const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
    expect(exported).toEqual(
      expect.arrayContaining([hr.EXPORT_COMMAND_ENTRY, hr.EXPORT_RESTARTED, hr.EXPORT_STACK_POINTER]),
    );
  });
});
