import Foundation
import Testing

@testable import Fisher

/// Muon, Shampoo, SOAP and Kronecker FAdam against independent answers, and what is known of their steps.
@Suite struct MatrixRuleTests {
    @Test func allCasesAreHere() {
        #expect(RuleCase.all(in: "matrix").count == 35)
    }

    @Test(arguments: RuleCase.all(in: "matrix"))
    func float64(_ golden: RuleCase) throws {
        #expect(try golden.error(in: .float64) <= 1e-9)
    }

    @Test(arguments: RuleCase.all(in: "matrix"))
    func float32(_ golden: RuleCase) throws {
        #expect(try golden.error(in: .float32) <= 2e-4)
    }
}
