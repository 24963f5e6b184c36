import {
  Binary,
  ContextAccess,
  FunctionCall,
  Grouping,
  IndexAccess,
  Literal,
  Logical,
  Unary,
  type Expr,
} from '@actions/expressions/ast';

/** Every context access below `node` with the properties that follow it, as far as they are literals. */
export function constantPaths(node: Expr): readonly (readonly string[])[] {
  if (node instanceof ContextAccess) return [[node.name.lexeme]];
  if (node instanceof IndexAccess) return ofAccess(node);
  if (node instanceof Unary) return constantPaths(node.expr);
  if (node instanceof Grouping) return constantPaths(node.group);
  if (node instanceof Binary) return [...constantPaths(node.left), ...constantPaths(node.right)];
  if (node instanceof Logical || node instanceof FunctionCall) return node.args.flatMap(constantPaths);
  return [];
}

function ofAccess(access: IndexAccess): readonly (readonly string[])[] {
  const properties: (string | null)[] = [];
  const indices: Expr[] = [];
  let node: Expr = access;
  while (node instanceof IndexAccess) {
    properties.unshift(node.index instanceof Literal ? node.index.literal.coerceString() : null);
    indices.unshift(node.index);
    node = node.expr;
  }
  const inIndices = indices.flatMap(constantPaths);
  if (!(node instanceof ContextAccess)) return [...constantPaths(node), ...inIndices];
  const dynamic = properties.indexOf(null);
  const constant = properties.slice(0, dynamic < 0 ? undefined : dynamic).filter((name) => name !== null);
  return [[node.name.lexeme, ...constant], ...inIndices];
}
