import FisherMedia
import Testing

func seconds(of path: String) throws -> Double {
    let reader = SoundReader(rate: 16_000, mixesDown: true)
    let sound: Sound = try reader.sound(at: path)
    return sound.seconds
}

@Test func theExampleOfFisherMediaReadsASound() throws {
    #expect(abs(try seconds(of: SoundFixture.folder + "/stereo.wav") - 0.015) < 1e-6)
}
