/** JSON knows no enums: a type as it is written in JSON, with the values of enums for their names. */
export type Plain<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends (infer U)[]
      ? Plain<U>[]
      : unknown extends T
        ? T
        : T extends object
          ? { [K in keyof T]: Plain<T[K]> }
          : T;
