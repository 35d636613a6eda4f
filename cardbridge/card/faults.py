"""What a PKCS#11 error means for the person.

Measured against SoftHSM and against OpenSC with a card that is pulled, locked and slow. Where
the error does not tell, the state of the slot afterwards does: a card that is gone was pulled.
"""

from cardbridge.outcomes import Code, Failure

CKR_GENERAL_ERROR = 0x05
CKR_DEVICE_ERROR = 0x30
CKR_DEVICE_REMOVED = 0x32
CKR_FUNCTION_CANCELED = 0x50
CKR_OBJECT_HANDLE_INVALID = 0x82
CKR_PIN_INCORRECT = 0xA0
CKR_PIN_INVALID = 0xA1
CKR_PIN_LEN_RANGE = 0xA2
CKR_PIN_LOCKED = 0xA4
CKR_SESSION_HANDLE_INVALID = 0xB3
CKR_TOKEN_NOT_PRESENT = 0xE0
CKR_TOKEN_NOT_RECOGNIZED = 0xE1
CKR_BUFFER_TOO_SMALL = 0x150
# HiCOS tells the tries by codes of its own; seen through its maker's local component only.
HICOS_ONE_TRY_LEFT = 0x80000001
HICOS_TWO_TRIES_LEFT = 0x80000002

_MEANT = {
    CKR_PIN_INCORRECT: Failure(Code.PIN_INCORRECT),
    CKR_PIN_INVALID: Failure(Code.PIN_INCORRECT),
    HICOS_ONE_TRY_LEFT: Failure(Code.PIN_INCORRECT, tries_left=1),
    HICOS_TWO_TRIES_LEFT: Failure(Code.PIN_INCORRECT, tries_left=2),
    CKR_PIN_LEN_RANGE: Failure(Code.PIN_LENGTH),
    CKR_PIN_LOCKED: Failure(Code.PIN_LOCKED, tries_left=0),
    CKR_FUNCTION_CANCELED: Failure(Code.CANCELLED),
    # What OpenSC says of a card that was pulled in the middle of a command.
    CKR_GENERAL_ERROR: Failure(Code.CARD_REMOVED),
    CKR_DEVICE_ERROR: Failure(Code.CARD_REMOVED),
    CKR_DEVICE_REMOVED: Failure(Code.CARD_REMOVED),
    CKR_TOKEN_NOT_PRESENT: Failure(Code.CARD_REMOVED),
    CKR_SESSION_HANDLE_INVALID: Failure(Code.CARD_REMOVED),
    CKR_OBJECT_HANDLE_INVALID: Failure(Code.CARD_REMOVED),
    CKR_TOKEN_NOT_RECOGNIZED: Failure(Code.UNSUPPORTED),
}


def is_gone(ckr: int) -> bool:
    """Tell whether an error means a card that need not be taken leave of, and must not be.

    OpenSC waits for ever in a log-out from a card that was pulled in the middle of a command.
    """
    return meaning(ckr).code is Code.CARD_REMOVED


def meaning(ckr: int) -> Failure:
    """Translate an error of PKCS#11; one without a meaning of its own is the library's."""
    return _MEANT.get(ckr & 0xFFFFFFFF, Failure(Code.MODULE_ERROR))
