//! What must not compile: each file in `compile_fail/` is a program that the types refuse, with the compiler's words.

#[test]
fn impossible_combinations_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
