/**
 * Members of a call's `params` that some clients send as null where they mean none. A gated call is frozen, shown and
 * sent without them; one that is allowed passes as it came.
 */
export const NULL_MEMBERS = ['arguments', '_meta'] as const;
