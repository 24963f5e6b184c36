import { z } from 'zod';

/** The first, the second, … of something; no more than databases count of it. */
export const ordinal = z.coerce.number().int().positive().max(2_147_483_647);
