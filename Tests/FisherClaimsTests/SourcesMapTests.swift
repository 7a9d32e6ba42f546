import FisherClaims
import Foundation
import Testing

/// Documentation/Sources.md: what it names exists, and every claim is named.
@Suite struct SourcesMapTests {
    static let checkout = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private var text: String {
        get throws {
            try String(contentsOf: Self.checkout.appending(path: "Documentation/Sources.md"), encoding: .utf8)
        }
    }

    private func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: Self.checkout.appending(path: path).standardized.path)
    }

    /// Spans of code and links that are paths.
    @Test func everyPathExists() throws {
        let text = try text
        let spans = text.matches(of: /`((?:Sources|Tests|Reference|Documentation|Examples)\/[^`]*)`/).map {
            String($0.1)
        }
        let links = text.matches(of: /\]\(([^)]*)\)/).map { "Documentation/" + String($0.1) }
        #expect(spans.count > 40 && links.count > 40)
        for path in spans + links { #expect(exists(path), "\(path)") }
    }

    /// The first word after `fisher` is a command, whose file has its name.
    @Test func everyCommandExists() throws {
        let names = Set(try text.matches(of: /`fisher ([a-z]+)/).map { String($0.1) })
        #expect(names.count > 8)
        for name in names {
            #expect(exists("Sources/FisherCommand/Commands/\(name.capitalized).swift"), "fisher \(name)")
        }
    }

    @Test func theClaimsAreThoseOfTheRegistry() throws {
        let named = Set(try text.matches(of: /`fisher reproduce ([a-z0-9-]+)`/).map { String($0.1) })
        // Other tests register claims of their own.
        let known = Set(ClaimRegistry.claims.map(\.name).filter { !$0.hasPrefix("made-up") })
        #expect(named.subtracting(known.union(["list"])).isEmpty, "no claims: \(named.subtracting(known))")
        #expect(known.subtracting(named).isEmpty, "not in the map: \(known.subtracting(named))")
    }
}
